// Shares the vectors of a tile out among the 32 threads of a warp, as mma.sync.m16n8k16 wants them.
//
// With g = thread / 4 and t = thread % 4, that instruction takes from a thread rows g and g + 8 of a and column g of b,
// terms 2t, 2t + 1, 2t + 8 and 2t + 9 of the sum, and gives it columns 2t and 2t + 1 of rows g and g + 8. Which terms
// and which columns of memory these are is ours to say, as long as a and b agree on terms, and b and the result on
// columns. So a thread's share of every vector lies side by side in memory, in `runs` that it loads or stores at once:
//
//   a (rows, depth)           for each 8 rows: row g, depth/4 terms from t*depth/4
//   b (depth, columns)        for each of those terms: columns/8 columns from g*columns/8
//   b (columns, depth)        for each of those columns: depth/4 terms from t*depth/4
//   result (rows, columns)    for each 8 rows and e = 0, 1: row g, columns/8 columns from (2t + e)*columns/8
#include "lib/gpu/Fragments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace fovea::gpu {

namespace {

enum class Role { a, b, transposedB, result };

/// What a vector is to the contraction.
Role roleOf(Value vector) {
  for (Operation *user : vector.getUsers()) {
    auto contract = dyn_cast<vector::ContractionOp>(user);
    if (!contract || contract.getAcc() == vector) continue;
    if (contract.getLhs() == vector) return Role::a;
    bool transposed = contract.getIndexingMapsArray()[1].getResult(0) != getAffineDimExpr(2, vector.getContext());
    return transposed ? Role::transposedB : Role::b;
  }
  return Role::result;
}

class Device {
public:
  Device(func::FuncOp source, ::mlir::gpu::GPUModuleOp module, bool aligned)
      : source(source), aligned(aligned), builder(source.getLoc(), module.getBodyRegion()) {}

  void define(StringRef name) {
    auto function = ::mlir::gpu::GPUFuncOp::create(builder, name, source.getFunctionType());
    function->setAttr(::mlir::gpu::GPUDialect::getKernelFuncAttrName(), builder.getUnitAttr());
    function.setKnownBlockSize(ArrayRef<int32_t>{(int32_t)threadsPerBlock, 1, 1});
    builder.setInsertionPointToStart(&function.getBody().front());
    mapping.map(source.getArguments(), function.getArguments());
    for (Operation &op : source.getBody().front().without_terminator()) {
      auto tiles = dyn_cast<scf::ForallOp>(op);
      tiles ? shareTiles(tiles) : void(builder.clone(op, mapping));
    }
    ::mlir::gpu::ReturnOp::create(builder);
  }

private:
  //===-- Tiles and threads -------------------------------------------------------------------------------------===//

  void shareTiles(scf::ForallOp tiles) {
    using ::mlir::gpu::Dimension;
    SmallVector<int64_t> step(tiles.getStaticStep());
    Value thread = ::mlir::gpu::ThreadIdOp::create(builder, Dimension::x);
    Value warp = divide(thread, 32), lane = remainder(thread, 32);
    group = divide(lane, 4);
    inGroup = remainder(lane, 4);
    auto start = [&](Dimension dimension, int64_t warps, Value warp, int64_t step) {
      Value block = ::mlir::gpu::BlockIdOp::create(builder, dimension);
      return times(plus(times(block, warps), warp), step);
    };
    Value row = start(Dimension::x, warpsDown, divide(warp, warpsAcross), step[0]);
    Value column = start(Dimension::y, warpsAcross, remainder(warp, warpsAcross), step[1]);
    rows = mapping.lookup(cast<Value>(tiles.getMixedUpperBound()[0]));
    Value columns = index(*getConstantIntValue(tiles.getMixedUpperBound()[1]));
    Value inside = arith::AndIOp::create(builder, less(row, rows), less(column, columns));
    auto within = scf::IfOp::create(builder, inside);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(within.thenBlock());
    mapping.map(tiles.getInductionVars(), ArrayRef<Value>{row, column});
    for (Operation &op : tiles.getBody()->without_terminator()) share(&op);
  }

  void share(Operation *op) {
    if (auto read = dyn_cast<vector::TransferReadOp>(op)) return load(read);
    if (auto write = dyn_cast<vector::TransferWriteOp>(op)) return store(write);
    if (auto contract = dyn_cast<vector::ContractionOp>(op)) return multiply(contract);
    if (auto loop = dyn_cast<scf::ForOp>(op)) return shareLoop(loop);
    auto type = op->getNumResults() == 1 ? dyn_cast<VectorType>(op->getResult(0).getType()) : VectorType();
    if (!type) return void(builder.clone(*op, mapping));
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) return splat(constant);
    SmallVector<Value> result; // element by element
    for (size_t i = 0; i < runs.at(op->getOperand(0)).size(); ++i) {
      IRMapping operands;
      for (Value operand : op->getOperands()) operands.map(operand, runs.at(operand)[i]);
      Value run = builder.clone(*op, operands)->getResult(0);
      run.setType(VectorType::get(length(runs.at(op->getOperand(0))[i]), type.getElementType()));
      result.push_back(run);
    }
    runs[op->getResult(0)] = result;
  }

  void splat(arith::ConstantOp constant) {
    auto type = cast<VectorType>(constant.getType());
    auto run = VectorType::get(type.getDimSize(1) / 8, type.getElementType());
    auto value = cast<SplatElementsAttr>(constant.getValue()).getSplatValue<Attribute>();
    Value each = arith::ConstantOp::create(builder, SplatElementsAttr::get(run, value));
    runs[constant].assign(type.getDimSize(0) / 8 * 2, each);
  }

  void shareLoop(scf::ForOp loop) {
    SmallVector<Value> initial = runs.at(loop.getInitArgs()[0]);
    auto bound = [&](Value value) { return mapping.lookupOrDefault(value); };
    auto shared = scf::ForOp::create(builder, bound(loop.getLowerBound()), bound(loop.getUpperBound()),
                                     bound(loop.getStep()), initial);
    mapping.map(loop.getInductionVar(), shared.getInductionVar());
    runs[loop.getRegionIterArg(0)] = llvm::to_vector_of<Value>(shared.getRegionIterArgs());
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(shared.getBody());
      for (Operation &op : loop.getBody()->without_terminator()) share(&op);
      scf::YieldOp::create(builder, runs.at(loop.getBody()->getTerminator()->getOperand(0)));
    }
    runs[loop.getResult(0)] = llvm::to_vector_of<Value>(shared.getResults());
  }

  //===-- Memory ------------------------------------------------------------------------------------------------===//

  void load(vector::TransferReadOp read) {
    VectorType type = read.getVectorType();
    SmallVector<Value> at = indices(read.getIndices()), &result = runs[read.getResult()];
    int64_t down = type.getDimSize(0), across = type.getDimSize(1);
    Role role = roleOf(read.getResult());
    if (role == Role::result && at.size() == 1) { // a row for all rows
      for (int64_t e : {0, 1}) result.push_back(load(read, {plus(at[0], columnsFrom(e, across))}, across / 8));
      for (int64_t i = 1; i < down / 8; ++i) result.append({result[0], result[1]});
    } else if (role == Role::result) {
      for (int64_t i = 0; i < down / 8; ++i)
        for (int64_t e : {0, 1})
          result.push_back(load(read, {knownRow(at[0], i), plus(at[1], columnsFrom(e, across))}, across / 8));
    } else if (role == Role::a) {
      for (int64_t i = 0; i < down / 8; ++i)
        result.push_back(load(read, {knownRow(at[0], i), plus(at[1], times(inGroup, across / 4))}, across / 4));
    } else if (role == Role::b) {
      for (int64_t i = 0; i < down / 4; ++i) {
        Value term = plus(at[0], plus(times(inGroup, down / 4), index(i)));
        result.push_back(load(read, {term, plus(at[1], times(group, across / 8))}, across / 8));
      }
    } else {
      for (int64_t i = 0; i < down / 8; ++i) {
        Value column = plus(at[0], plus(times(group, down / 8), index(i)));
        result.push_back(load(read, {column, plus(at[1], times(inGroup, across / 4))}, across / 4));
      }
    }
  }

  /// Beyond the last row, the last one: no row of the result depends on another.
  Value knownRow(Value first, int64_t i) {
    Value row = plus(first, plus(group, index(8 * i)));
    return arith::MinSIOp::create(builder, row, arith::SubIOp::create(builder, rows, index(1)));
  }

  Value load(vector::TransferReadOp read, ArrayRef<Value> at, int64_t length) {
    auto type = VectorType::get(length, read.getVectorType().getElementType());
    return vector::LoadOp::create(builder, type, mapping.lookup(read.getBase()), at, false, alignment(type));
  }

  void store(vector::TransferWriteOp write) {
    VectorType type = write.getVectorType();
    SmallVector<Value> at = indices(write.getIndices());
    int64_t across = type.getDimSize(1);
    for (int64_t i = 0; i < type.getDimSize(0) / 8; ++i) {
      Value row = plus(at[0], plus(group, index(8 * i)));
      auto within = scf::IfOp::create(builder, less(row, rows));
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(within.thenBlock());
      for (int64_t e : {0, 1}) {
        Value run = runs.at(write.getValueToStore())[2 * i + e];
        vector::StoreOp::create(builder, run, mapping.lookup(write.getBase()),
                                ValueRange{row, plus(at[1], columnsFrom(e, across))}, false,
                                alignment(cast<VectorType>(run.getType())));
      }
    }
  }

  Value columnsFrom(int64_t e, int64_t across) { return times(plus(times(inGroup, 2), index(e)), across / 8); }

  /// Of a run, whose place is a multiple of its length from the matrix's address.
  llvm::Align alignment(VectorType run) {
    int64_t element = run.getElementTypeBitWidth() / 8;
    return llvm::Align(aligned ? std::min<int64_t>(16, run.getNumElements() * element) : element);
  }

  SmallVector<Value> indices(ValueRange values) {
    return llvm::map_to_vector(values, [&](Value value) { return mapping.lookup(value); });
  }

  //===-- Products ----------------------------------------------------------------------------------------------===//

  void multiply(vector::ContractionOp contract) {
    ArrayRef<Value> a = runs[contract.getLhs()], b = runs[contract.getRhs()];
    SmallVector<Value> sums; // [8 rows][e][column of a run]
    for (Value run : runs[contract.getAcc()])
      for (int64_t i = 0; i < length(run); ++i) sums.push_back(vector::ExtractOp::create(builder, run, i));
    auto type = cast<VectorType>(contract.getAcc().getType());
    int64_t columns = type.getDimSize(1) / 8, steps = contract.getLhsType().getDimSize(1) / 16;
    SmallVector<Value> pairsA = llvm::map_to_vector(a, [&](Value run) { return pairs(run); });
    SmallVector<Value> pairsB;
    bool byColumn = roleOf(contract.getRhs()) == Role::transposedB;
    if (byColumn) {
      for (Value run : b) pairsB.push_back(pairs(run)); // [column] of terms
    } else {
      for (size_t i = 0; i < b.size(); i += 2) // [pair of terms] of columns
        pairsB.push_back(pairs(vector::InterleaveOp::create(builder, b[i], b[i + 1])));
    }
    for (int64_t step = 0; step < steps; ++step)
      for (int64_t i = 0; i < type.getDimSize(0) / 8; i += 2)
        for (int64_t column = 0; column < columns; ++column) {
          auto ofA = [&](int64_t rows, int64_t pair) { return element(pairsA[i + rows], 2 * step + pair); };
          auto ofB = [&](int64_t pair) {
            return byColumn ? element(pairsB[column], 2 * step + pair) : element(pairsB[2 * step + pair], column);
          };
          auto sum = [&](int64_t rows, int64_t e) -> Value & { return sums[(2 * (i + rows) + e) * columns + column]; };
          multiplyAdd({ofA(0, 0), ofA(1, 0), ofA(0, 1), ofA(1, 1)}, {ofB(0), ofB(1)},
                      {&sum(0, 0), &sum(0, 1), &sum(1, 0), &sum(1, 1)});
        }
    auto run = VectorType::get(columns, type.getElementType());
    SmallVector<Value> &result = runs[contract.getResult()];
    for (size_t i = 0; i < sums.size(); i += columns)
      result.push_back(vector::FromElementsOp::create(builder, run, ArrayRef(sums).slice(i, columns)));
  }

  void multiplyAdd(ArrayRef<Value> a, ArrayRef<Value> b, ArrayRef<Value *> sums) {
    using namespace NVVM;
    SmallVector<Value> added = llvm::map_to_vector(sums, [](Value *sum) { return *sum; });
    SmallVector<Type> types(sums.size(), builder.getF32Type());
    Value result =
        MmaOp::create(builder, LLVM::LLVMStructType::getLiteral(builder.getContext(), types), a, b, added,
                      ArrayRef<int64_t>{16, 8, 16}, std::nullopt, std::nullopt,
                      std::array{MMATypes::bf16, MMATypes::bf16}, std::array{MMALayout::row, MMALayout::col});
    for (auto [i, sum] : llvm::enumerate(sums)) *sum = LLVM::ExtractValueOp::create(builder, result, i);
  }

  /// A run of bf16 as pairs in i32.
  Value pairs(Value run) {
    return vector::BitCastOp::create(builder, VectorType::get(length(run) / 2, builder.getI32Type()), run);
  }
  Value element(Value run, int64_t at) { return vector::ExtractOp::create(builder, run, at); }
  static int64_t length(Value run) { return cast<VectorType>(run.getType()).getNumElements(); }

  //===-- Indices -----------------------------------------------------------------------------------------------===//

  Value index(int64_t value) { return arith::ConstantIndexOp::create(builder, value); }
  Value plus(Value a, Value b) { return arith::AddIOp::create(builder, a, b); }
  Value times(Value a, int64_t b) { return arith::MulIOp::create(builder, a, index(b)); }
  Value divide(Value a, int64_t b) { return arith::DivUIOp::create(builder, a, index(b)); }
  Value remainder(Value a, int64_t b) { return arith::RemUIOp::create(builder, a, index(b)); }
  Value less(Value a, Value b) { return arith::CmpIOp::create(builder, arith::CmpIPredicate::slt, a, b); }

  func::FuncOp source;
  bool aligned;
  ImplicitLocOpBuilder builder;
  IRMapping mapping;                              // of what every thread has whole
  llvm::DenseMap<Value, SmallVector<Value>> runs; // of vectors
  Value rows, group, inGroup;                     // g and t
};

} // namespace

void addDeviceForm(ModuleOp vectorForm, Operation *device, StringRef name, bool aligned) {
  auto source = *vectorForm.getOps<func::FuncOp>().begin();
  Device(source, cast<::mlir::gpu::GPUModuleOp>(device), aligned).define(name);
}

} // namespace fovea::gpu
