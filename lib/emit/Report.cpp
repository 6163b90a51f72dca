// The report.
#include "lib/emit/Report.h"

#include "dialect/Shape.h"
#include "lib/emit/Tables.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace fovea {

namespace {

/// Costs as expressions in the sizes.
class Costs {
public:
  Costs(MLIRContext *context, const llvm::StringMap<int64_t> &sizes) : shapes(context), sizes(sizes) {}

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
  /// With numbers in place of the sizes that have one.
  std::string text(AffineExpr size) { return shapes.text(shapes.normal(withNumbers(size, std::nullopt))); }
  /// The value where every size without a number is 64.
  double value(AffineExpr size) { return double(*constantSize(shapes.normal(withNumbers(size, 64)))); }

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
        if (AffineExpr count = elements(type); value(count) > value(most)) most = count;
    return most;
  }

  AffineExpr withNumbers(AffineExpr expression, std::optional<int64_t> others) {
    SmallVector<AffineExpr> values;
    for (auto [index, name] : llvm::enumerate(shapes.symbols())) {
      auto given = sizes.find(name.getValue());
      std::optional<int64_t> number = given == sizes.end() ? others : given->second;
      values.push_back(number ? shapes.constant(*number) : getAffineSymbolExpr(index, name.getContext()));
    }
    return expression.replaceSymbols(values);
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
  const llvm::StringMap<int64_t> &sizes;
};

class Report {
public:
  Report(const CompiledModel &model, const ReportOptions &options) : model(model), options(options), out(text) {}

  std::string write(const Artefacts &artefacts) {
    if (options.roof) writeRoof();
    for (const TargetProgram &program : model.programs) writeProgram(program);
    if (artefacts.codeBytes) out << "machine code: " << artefacts.codeBytes << " bytes\n";
    return text;
  }

private:
  using Row = std::vector<std::string>;
  /// Of all launches of a function.
  struct Sum {
    AffineExpr operations, bytes;
    int64_t launches = 0, onDevice = 0, scratch = 0;
    double seconds = 0, atRoof = 0;
  };

  void writeRoof() {
    out << llvm::format("roof: %.1f GFLOP/s, %.1f GB/s", options.roof->operations / 1e9, options.roof->bytes / 1e9);
    for (StringAttr size : model.interface.sizes)
      if (!options.sizes.contains(size))
        out << "; where " << size.getValue() << " = 64, else give --sizes=" << size.getValue() << "=NUMBER";
    out << "\n";
  }

  void writeProgram(const TargetProgram &program) {
    ModuleOp module = program.module.get();
    SmallVector<StateOp> state = llvm::to_vector(module.getOps<StateOp>());
    ScratchBytes scratch = program.scratchBytes();
    out << "target " << program.target.name << "; operations and bytes are those of one launch\n";
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isDeclaration()) writeFunction(program, function);
    if (program.target.onDevice()) return writeDeviceMemory(module, stateBytes(state), scratch.device);
    std::string arena = arenaText(module),
                all = std::to_string(stateBytes(state)) + (arena == "0" ? "" : " + " + arena);
    out << "state: " << stateBytes(state) << " bytes\narena: " << arena << " bytes\nscratch: " << scratch.caller
        << " bytes, and " << scratch.worker << " for each further thread\n"
        << "peak: " << all << (scratch.caller ? " + " + std::to_string(scratch.caller) : "")
        << (scratch.worker ? " + " + std::to_string(scratch.worker) + " * (threads - 1)" : "")
        << " bytes, beside the handle\n";
  }

  /// One allocation on the device holds all of it.
  void writeDeviceMemory(ModuleOp module, int64_t state, int64_t scratch) {
    SmallVector<int64_t> arena = arenaBytes(module, model.interface.sizes),
                         arguments = argumentBytes(module.getContext(), model.interface);
    SmallVector<int64_t> all = arena;
    for (auto [sum, more] : llvm::zip(all, arguments)) sum += more;
    all[0] += state + scratch + 4 * FOVEA_DEVICE_ALIGNMENT; // where each part begins
    out << "state: " << state << " bytes\narena: " << boundText(arena)
        << " bytes\narguments in memory of the host: at most " << boundText(arguments) << " bytes\nscratch: " << scratch
        << " bytes\npeak: at most " << boundText(all) << " bytes on the device; beside it the host keeps " << state
        << " for the state's copy\n";
  }

  /// What a call copies where all arguments are in memory of the host.
  void writeCopies(Costs &costs, StringRef function) {
    const Entry *entry =
        llvm::find_if(model.interface.entries, [&](const Entry &each) { return each.name == function; });
    if (entry == model.interface.entries.end()) return;
    AffineExpr in = costs.zero(), back = costs.zero();
    for (const Argument &argument : entry->arguments) {
      AffineExpr bytes = costs.elements(argument.type) * elementKind(argument.type.getElementType()).bytes;
      AffineExpr &sum = argument.role == FOVEA_OUTPUT ? back : in;
      sum = sum + bytes;
    }
    out << "  a call copies " << costs.text(in) << " bytes to the device and " << costs.text(back) << " back\n";
  }

  void writeFunction(const TargetProgram &program, func::FuncOp function) {
    auto found = options.measured.find(function.getSymName().str());
    const ProfiledModel::Seconds *measured = found == options.measured.end() ? nullptr : &found->second;
    bool onDevice = program.target.onDevice();
    std::vector<Row> rows = {heading(function, measured, onDevice)};
    Costs costs(function.getContext(), options.sizes);
    SymbolTable symbols(program.module.get());
    llvm::MapVector<StringRef, int64_t> launches;
    for (LaunchOp launch : function.getOps<LaunchOp>()) ++launches[launch.getKernel()];
    Sum sum{costs.zero(), costs.zero()};
    for (auto [name, count] : launches) {
      auto kernel = symbols.lookup<KernelOp>(name);
      AffineExpr operations = costs.operations(kernel), bytes = costs.bytes(kernel);
      const KernelCode &code = program.kernels.at(name.str());
      int64_t scratch = onDevice ? code.scratch.device : code.scratch.caller;
      rows.push_back({name.str(), std::to_string(count)});
      if (onDevice) rows.back().push_back(std::to_string(count * code.launches));
      llvm::append_range(rows.back(), Row{costs.text(operations), costs.text(bytes), std::to_string(scratch)});
      double atRoof = options.roof ? writeBound(rows.back(), costs.value(operations), costs.value(bytes)) : 0;
      double seconds = measured ? measured->lookup(name) : 0;
      if (measured) writeMeasured(rows.back(), seconds / count, atRoof);
      sum = {sum.operations + operations * count,  sum.bytes + bytes * count,      sum.launches + count,
             sum.onDevice + count * code.launches, std::max(sum.scratch, scratch), sum.seconds + seconds,
             sum.atRoof + atRoof * count};
    }
    rows.push_back({"all launches", std::to_string(sum.launches)});
    if (onDevice) rows.back().push_back(std::to_string(sum.onDevice));
    llvm::append_range(rows.back(),
                       Row{costs.text(sum.operations), costs.text(sum.bytes), std::to_string(sum.scratch)});
    if (options.roof) llvm::append_range(rows.back(), Row{"", "", llvm::formatv("{0:f1}", 1e6 * sum.atRoof).str()});
    if (measured) writeMeasured(rows.back(), sum.seconds, sum.atRoof);
    writeTable(rows);
    if (onDevice) writeCopies(costs, function.getSymName());
    for (const auto &launched : launches) writeDenseCaptures(symbols.lookup<KernelOp>(launched.first));
  }

  /// What attention captures may be what attention itself does not store.
  void writeDenseCaptures(KernelOp kernel) {
    Shapes shapes(kernel.getContext());
    auto write = [&](auto op) {
      AffineExpr queries = shapes.of(op.getQuery())[2], keys = shapes.of(op.getKey())[2];
      for (Value capture : op.getCaptures()) {
        auto sizes = shapes.of(capture);
        auto rows = llvm::find(sizes, queries);
        if (rows != sizes.end() && std::find(rows + 1, sizes.end(), keys) != sizes.end())
          out << "  " << kernel.getSymName()
              << " captures queries by keys: " << shapeText(cast<RankedTensorType>(capture.getType())) << "\n";
      }
    };
    kernel.getBody().walk([&](AttentionOp op) { write(op); });
    kernel.getBody().walk([&](AttentionGradOp op) { write(op); });
  }

  Row heading(func::FuncOp function, bool measured, bool onDevice) {
    Row row = {"kernel of " + function.getSymName().str(), "launches"};
    if (onDevice) row.push_back("on device");
    llvm::append_range(row, Row{"operations", "bytes", "scratch bytes"});
    if (options.roof) llvm::append_range(row, Row{"operations/byte", "bound", "us at roof"});
    if (measured) row.push_back("us");
    if (measured && options.roof) row.push_back("of roof");
    return row;
  }

  /// Columns of a kernel that does so much in a launch; returns the least seconds that it can take.
  double writeBound(Row &row, double operations, double bytes) {
    double computing = operations / options.roof->operations, moving = bytes / options.roof->bytes;
    double most = std::max(computing, moving);
    llvm::append_range(row, Row{llvm::formatv("{0:f1}", bytes ? operations / bytes : 0).str(),
                                computing > moving ? "compute" : "memory", llvm::formatv("{0:f1}", 1e6 * most).str()});
    return most;
  }

  void writeMeasured(Row &row, double seconds, double atRoof) {
    row.push_back(llvm::formatv("{0:f1}", 1e6 * seconds).str());
    if (options.roof) row.push_back(llvm::formatv("{0:f2}", seconds > 0 ? atRoof / seconds : 0).str());
  }

  void writeTable(ArrayRef<Row> rows) {
    std::vector<size_t> widths(rows[0].size());
    for (const Row &row : rows)
      for (size_t column = 0; column < row.size(); ++column)
        widths[column] = std::max(widths[column], row[column].size());
    for (const Row &row : rows) {
      out << "  " << llvm::left_justify(row[0], widths[0]);
      for (size_t column = 1; column < row.size(); ++column)
        out << "  " << llvm::right_justify(row[column], widths[column]);
      out << "\n";
    }
  }

  /// The bound that the runtime allocates by.
  std::string arenaText(ModuleOp module) { return boundText(arenaBytes(module, model.interface.sizes)); }

  std::string boundText(ArrayRef<int64_t> bound) {
    SmallVector<std::string> terms;
    int64_t constant = bound[0];
    for (auto [index, size] : llvm::enumerate(model.interface.sizes)) {
      int64_t factor = bound[1 + index];
      if (auto given = options.sizes.find(size); given != options.sizes.end())
        constant += factor * given->second;
      else if (factor)
        terms.push_back(std::to_string(factor) + " * " + size.getValue().str());
    }
    if (constant || terms.empty()) terms.push_back(std::to_string(constant));
    return llvm::join(terms, " + ");
  }

  const CompiledModel &model;
  const ReportOptions &options;
  std::string text;
  llvm::raw_string_ostream out;
};

} // namespace

std::string reportText(const CompiledModel &model, const Artefacts &artefacts, const ReportOptions &options) {
  return Report(model, options).write(artefacts);
}

} // namespace fovea
