// The report.
#include "lib/emit/Report.h"

#include "dialect/Shape.h"
#include "lib/emit/Tables.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace fovea {

namespace {

/// Costs as expressions in the sizes.
class Costs {
public:
  explicit Costs(MLIRContext *context) : shapes(context) {}

  AffineExpr elements(Type type) {
    auto sizes = shapes.of(cast<RankedTensorType>(type));
    return shapes.product(sizes);
  }

  AffineExpr operations(KernelOp kernel) {
    AffineExpr sum = shapes.constant(0);
    for (Operation &op : kernel.getBody().front().without_terminator())
      if (!op.hasTrait<View>()) sum = sum + operationsOf(&op);
    return shapes.normal(sum);
  }

  /// Every argument is read once and every result written once.
  AffineExpr bytes(KernelOp kernel) {
    AffineExpr sum = shapes.constant(0);
    for (TypeRange types : {TypeRange(kernel.getArgumentTypes()), TypeRange(kernel.getResultTypes())})
      for (Type type : types)
        sum = sum + elements(type) * elementKind(cast<RankedTensorType>(type).getElementType()).bytes;
    return shapes.normal(sum);
  }

  AffineExpr zero() { return shapes.constant(0); }
  std::string text(AffineExpr size) { return shapes.text(shapes.normal(size)); }

private:
  AffineExpr size(Value value, int64_t dimension) {
    auto sizes = shapes.of(value);
    return sizes[dimension < 0 ? sizes.size() + dimension : dimension];
  }

  AffineExpr operationsOf(Operation *op) {
    if (auto matmul = dyn_cast<MatmulOp>(op))
      return shapes.product(
          {shapes.constant(2), elements(matmul.getType()), size(matmul.getA(), matmul.getTransposeA() ? -2 : -1)});
    if (auto convolution = dyn_cast<Conv2dOp>(op))
      return convolved(convolution.getResult(), convolution.getWeight().getType());
    if (auto convolution = dyn_cast<Conv2dInputGradOp>(op))
      return convolved(convolution.getCotangent(), convolution.getWeight().getType());
    if (auto convolution = dyn_cast<Conv2dWeightGradOp>(op))
      return convolved(convolution.getCotangent(), convolution.getType());
    if (auto attention = dyn_cast<AttentionOp>(op))
      return attended(attention.getQuery(), attention.getKey(), attention.getValue(), 1, 1);
    if (auto attention = dyn_cast<AttentionGradOp>(op))
      return attended(attention.getQuery(), attention.getKey(), attention.getValue(), 3, 2);
    AffineExpr most = shapes.constant(0);
    for (TypeRange types : {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
      for (Type type : types)
        if (AffineExpr count = elements(type); typical(count) > typical(most)) most = count;
    return most;
  }

  /// The value where every size given at run time is 64, to compare expressions by.
  int64_t typical(AffineExpr count) {
    SmallVector<AffineExpr> values(shapes.symbols().size(), shapes.constant(64));
    return *constantSize(simplifyAffineExpr(count.replaceSymbols(values), 0, 0));
  }

  /// `image` is (n, o, h, w) at the convolution's output, the weight (o, c, kh, kw).
  AffineExpr convolved(Value image, RankedTensorType weight) {
    auto sizes = shapes.of(weight);
    return shapes.product({shapes.constant(2), elements(image.getType()), sizes[1], sizes[2], sizes[3]});
  }

  /// Products of queries by keys that run over the depth of the keys, and those over that of the values.
  AffineExpr attended(Value query, Value key, Value value, int64_t overKeys, int64_t overValues) {
    AffineExpr pairs = shapes.product({size(query, 0), size(query, 1), size(query, 2), size(key, 2)});
    AffineExpr depth = size(query, 3) * overKeys + size(value, 3) * overValues;
    return shapes.product({shapes.constant(2), pairs, depth});
  }

  Shapes shapes;
};

class Report {
public:
  explicit Report(const CompiledModel &model) : model(model), out(text) {}

  std::string write(const Artefacts &artefacts) {
    for (const TargetProgram &program : model.programs) writeProgram(program);
    if (artefacts.codeBytes) out << "machine code: " << artefacts.codeBytes << " bytes\n";
    return text;
  }

private:
  void writeProgram(const TargetProgram &program) {
    ModuleOp module = program.module.get();
    SmallVector<StateOp> state = llvm::to_vector(module.getOps<StateOp>());
    int64_t scratch = 0;
    for (const auto &kernel : program.kernels) scratch = std::max(scratch, kernel.second.scratchBytes);
    out << "target " << program.target.name << "; operations and bytes are those of one launch\n";
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isDeclaration()) writeFunction(program, function);
    std::string arena = arenaText(module),
                all = std::to_string(stateBytes(state)) + (arena == "0" ? "" : " + " + arena);
    out << "state: " << stateBytes(state) << " bytes\narena: " << arena << " bytes\nscratch: " << scratch
        << " bytes for each thread\n"
        << "peak: " << all << (scratch ? " + " + std::to_string(scratch) + " * threads" : "")
        << " bytes, beside the handle\n";
  }

  void writeFunction(const TargetProgram &program, func::FuncOp function) {
    SymbolTable symbols(program.module.get());
    llvm::MapVector<StringRef, int64_t> launches;
    for (LaunchOp launch : function.getOps<LaunchOp>()) ++launches[launch.getKernel()];
    std::vector<std::array<std::string, 5>> rows = {
        {"kernel of " + function.getSymName().str(), "launches", "operations", "bytes", "scratch bytes"}};
    Costs costs(function.getContext());
    AffineExpr operations = costs.zero(), bytes = costs.zero();
    int64_t launched = 0, scratch = 0;
    for (auto [name, count] : launches) {
      auto kernel = symbols.lookup<KernelOp>(name);
      AffineExpr itsOperations = costs.operations(kernel), itsBytes = costs.bytes(kernel);
      int64_t itsScratch = program.kernels.at(name.str()).scratchBytes;
      rows.push_back({name.str(), std::to_string(count), costs.text(itsOperations), costs.text(itsBytes),
                      std::to_string(itsScratch)});
      operations = operations + itsOperations * count;
      bytes = bytes + itsBytes * count;
      launched += count;
      scratch = std::max(scratch, itsScratch);
    }
    rows.push_back(
        {"all launches", std::to_string(launched), costs.text(operations), costs.text(bytes), std::to_string(scratch)});
    std::array<size_t, 5> widths{};
    for (auto &row : rows)
      for (size_t column = 0; column < 5; ++column) widths[column] = std::max(widths[column], row[column].size());
    for (auto &row : rows) {
      out << "  " << llvm::left_justify(row[0], widths[0]);
      for (size_t column = 1; column < 5; ++column) out << "  " << llvm::right_justify(row[column], widths[column]);
      out << "\n";
    }
  }

  /// The bound that the runtime allocates by.
  std::string arenaText(ModuleOp module) {
    SmallVector<int64_t> bound = arenaBytes(module, model.interface.sizes);
    std::string result;
    for (auto [index, size] : llvm::enumerate(model.interface.sizes))
      if (bound[1 + index])
        result += (result.empty() ? "" : " + ") + std::to_string(bound[1 + index]) + " * " + size.getValue().str();
    if (bound[0] || result.empty()) result += (result.empty() ? "" : " + ") + std::to_string(bound[0]);
    return result;
  }

  const CompiledModel &model;
  std::string text;
  llvm::raw_string_ostream out;
};

} // namespace

std::string reportText(const CompiledModel &model, const Artefacts &artefacts) {
  return Report(model).write(artefacts);
}

} // namespace fovea
