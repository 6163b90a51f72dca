// From a kernel to code and text: lowering, Halide's compilation, and the scratch that it will ask for.
#include "lib/halide/Families.h"
#include "lib/halide/Provider.h"

#include "lib/runtime/program.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;

namespace fovea {

void registerLowerings(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, FoveaDialect *) {
    registerAttentionLowerings(context);
    registerAttentionGradLowerings(context);
    registerAttentionMapLowerings(context);
    registerContractionLowerings(context);
    registerConvolutionLowerings(context);
    registerConvolutionGradLowerings(context);
    registerElementwiseLowerings(context);
    registerGatherLowerings(context);
    registerRandomLowerings(context);
    registerReduceLowerings(context);
    registerRowsLowerings(context);
    registerScoreLowerings(context);
    registerSortLowerings(context);
    registerViewsLowerings(context);
    registerWindowsLowerings(context);
  });
}

/// Bumped when the same kernel would compile to other code.
static constexpr llvm::StringLiteral providerVersion = "halide-21.0.0/155";

std::string hashedSymbol(KernelOp kernel, const llvm::Twine &how) {
  std::string text = kernel.text() + how.str();
  auto digest = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
  return "fovea_" + llvm::toHex(ArrayRef<uint8_t>(digest).take_front(10), true);
}

std::string kernelSymbol(KernelOp kernel, const Target &target, const KernelOptions &options) {
  return hashedSymbol(kernel, target.halide + target.halideDots + (options.checks ? "checks" : "") + providerVersion);
}

namespace {

/// The most bytes that one thread has in halide_malloc at once, along any path of nested allocations: those of a
/// parallel loop's body, a function of its own, come on top of what its caller has.
class ScratchOf : public Halide::Internal::IRVisitor {
public:
  ScratchOf(const Halide::Module &module, const std::string &name) : module(module) {
    for (const Halide::Internal::LoweredFunc &function : module.functions())
      if (function.name == name) function.body.accept(this);
  }

  int64_t most = 0, ofTasks = 0, onDevice = 0, launches = 0;
  std::string unbounded; // an intermediate without a constant bound, if any
  std::string touched;   // what the host reads or writes itself

private:
  using IRVisitor::visit;
  void visit(const Halide::Internal::Variable *variable) override {
    StringRef name = variable->name;
    if (!name.consume_front("::")) return; // how functions are named
    ScratchOf body(module, name.str());
    most = std::max(most, now + body.most);
    ofTasks = std::max(ofTasks, body.most);
    if (!body.unbounded.empty()) unbounded = body.unbounded;
  }
  /// Visits the body of a name that has values from `first` to `last`.
  void within(const std::string &name, const Halide::Expr &first, const Halide::Expr &last,
              const Halide::Internal::Stmt &body) {
    using Halide::Internal::Direction, Halide::Internal::Interval;
    Halide::Expr low = Halide::Internal::find_constant_bound(first, Direction::Lower, bounds);
    Halide::Expr high = Halide::Internal::find_constant_bound(last, Direction::Upper, bounds);
    Interval values(low.defined() ? low : Interval::neg_inf(), high.defined() ? high : Interval::pos_inf());
    Halide::Internal::ScopedBinding<Interval> binding(bounds, name, values);
    body.accept(this);
  }
  void visit(const Halide::Internal::For *loop) override {
    within(loop->name, loop->min, loop->min + loop->extent - 1, loop->body);
  }
  void visit(const Halide::Internal::LetStmt *let) override {
    let->value.accept(this);
    bool isSize = let->value.type() == Halide::Int(32);
    isSize ? within(let->name, let->value, let->value, let->body) : let->body.accept(this);
  }
  void visit(const Halide::Internal::Load *load) override {
    if (load->name != "cuda" && load->name != "opencl") touched = load->name;
    IRVisitor::visit(load);
  }
  void visit(const Halide::Internal::Store *store) override {
    touched = store->name;
    IRVisitor::visit(store);
  }
  void visit(const Halide::Internal::Call *call) override {
    if (call->name == "halide_cuda_run" || call->name == "halide_opencl_run") ++launches;
    IRVisitor::visit(call);
  }
  void visit(const Halide::Internal::Allocate *allocate) override {
    bool isOnDevice = Halide::Internal::is_const_zero(allocate->condition);
    int64_t bytes = 0;
    bool stack =
        allocate->memory_type == Halide::MemoryType::Stack || allocate->memory_type == Halide::MemoryType::Register;
    if (!stack) {
      int64_t elements = 1;
      for (const Halide::Expr &extent : allocate->extents) {
        Halide::Expr bound = Halide::Internal::find_constant_bound(extent, Halide::Internal::Direction::Upper, bounds);
        std::optional<int64_t> constant;
        if (bound.defined()) constant = Halide::Internal::as_const_int(bound);
        if (!constant) unbounded = allocate->name;
        elements *= constant ? *constant : 1;
      }
      // Halide asks for a vector more than it needs.
      bytes = llvm::alignTo(elements * allocate->type.bytes() + 128, 64) + FOVEA_SCRATCH_OVERHEAD;
      if (isOnDevice) { // all at once, each from a multiple of 256 on
        onDevice += llvm::alignTo(elements * allocate->type.bytes(), 256);
        bytes = 0;
      }
    }
    now += bytes;
    most = std::max(most, now);
    allocate->body.accept(this);
    now -= bytes;
  }

  const Halide::Module &module;
  Halide::Internal::Scope<Halide::Internal::Interval> bounds; // of the names around
  int64_t now = 0;
};

Halide::Target halideTarget(const Target &target, const KernelOptions &options) {
  std::string flags = "-no_runtime-user_context"; // on a device checks would be of the host's side only
  if (!options.checks) flags += "-no_asserts-no_bounds_query";
  return Halide::Target(target.halide + flags);
}

/// Halide reports through exceptions; its warnings about defaults are of no use to the author.
class Reporter : public Halide::CompileTimeErrorReporter {
  void warning(const char *) override {}
  void error(const char *message) override { throw Halide::CompileError(message); }
};

class Compilation {
public:
  Compilation(KernelOp kernel, const Target &target, const KernelOptions &options)
      : kernel(kernel), target(halideTarget(target, options)), symbol(kernelSymbol(kernel, target, options)),
        lowering(kernel, target, symbol) {
    lowering.checks = options.checks;
    static Reporter reporter;
    Halide::set_custom_compile_time_error_reporter(&reporter);
  }

  /// OpenCL C has no type of 16 bits for reals that devices must have.
  LogicalResult checkTypes() {
    if (!target.has_feature(Halide::Target::OpenCL)) return success();
    auto isLow = [](Type type) { return getElementTypeOrSelf(type).isF16() || getElementTypeOrSelf(type).isBF16(); };
    WalkResult found = kernel.getBody().walk([&](Operation *op) {
      return llvm::any_of(op->getOperandTypes(), isLow) || llvm::any_of(op->getResultTypes(), isLow)
                 ? WalkResult::interrupt()
                 : WalkResult::advance();
    });
    if (!found.wasInterrupted()) return success();
    return kernel.emitError(
        "target 'opencl' has neither f16 nor bf16: compute in f32, or compile for CUDA or a processor");
  }

  template <typename Result>
  FailureOr<Result> run(llvm::function_ref<FailureOr<Result>(Halide::Pipeline, std::vector<Halide::Argument>)> emit) {
    if (failed(checkTypes())) return failure();
    try {
      if (failed(lowering.run())) return failure();
      if (lowering.multipliesPairs) target = Halide::Target(target.to_string() + lowering.target.halideDots);
      return emit(lowering.pipeline(), lowering.arguments());
    } catch (const Halide::Error &error) {
      return kernel.emitError("halide: ") << error.what(), failure();
    } catch (const std::exception &error) {
      return kernel.emitError("compiling this kernel: ") << error.what(), failure();
    }
  }

  const Names &names() const { return lowering.givenNames(); }

  KernelOp kernel;
  Halide::Target target;
  std::string symbol;

private:
  KernelLowering lowering;
};

/// A temporary file that Halide writes and we read back.
FailureOr<std::string> throughFile(KernelOp kernel, StringRef suffix,
                                   llvm::function_ref<void(const std::string &)> write) {
  llvm::SmallString<128> path;
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("fovea", suffix, path))
    return kernel.emitError("no temporary file can be made: ") << error.message(), failure();
  write(path.str().str());
  auto buffer = llvm::MemoryBuffer::getFile(path);
  llvm::sys::fs::remove(path);
  if (!buffer)
    return kernel.emitError("the compiled kernel cannot be read back: ") << buffer.getError().message(), failure();
  return (*buffer)->getBuffer().str();
}

} // namespace

/// The code of a device that a module carries as text.
static std::string deviceCode(const Halide::Module &module) {
  for (const Halide::Buffer<> &buffer : module.buffers())
    if (StringRef(buffer.name()).contains("gpu_source_kernels"))
      return StringRef((const char *)buffer.data(), buffer.size_in_bytes()).rtrim('\0').str();
  return "";
}

FailureOr<KernelCode> compileKernel(KernelOp kernel, const Target &target, const KernelOptions &options) {
  Compilation compilation(kernel, target, options);
  return compilation.run<KernelCode>([&](Halide::Pipeline pipeline,
                                         std::vector<Halide::Argument> arguments) -> FailureOr<KernelCode> {
    Halide::Module module =
        pipeline.compile_to_module(arguments, compilation.symbol, compilation.target, Halide::LinkageType::External);
    if (!target.onDevice()) restoreNames(module, compilation.names()); // a device's code has its names within
    ScratchOf scratch(module, compilation.symbol);
    if (!scratch.unbounded.empty())
      return kernel.emitError("this kernel's intermediate '") << scratch.unbounded << "' has no constant bound",
             failure();
    if (target.onDevice() && !scratch.touched.empty())
      return kernel.emitError("on the host, @")
                 << kernel.getSymName() << " would touch '" << scratch.touched << "', which is on the device",
             failure();
    std::string ptx = target.device == Device::cuda ? deviceCode(module) : "";
    if (size_t at = ptx.find(".extern .func"); at != std::string::npos)
      return kernel.emitError("the device would call a function that it lacks: ")
                 << StringRef(ptx).substr(at).take_until([](char c) { return c == ';'; }),
             failure();
    auto object = throughFile(kernel, "o", [&](const std::string &path) {
      module.compile({{Halide::OutputFileType::object, path}});
    });
    if (failed(object)) return failure();
    return KernelCode{
        compilation.symbol, std::move(*object), {scratch.most, scratch.ofTasks, scratch.onDevice}, scratch.launches};
  });
}

FailureOr<std::string> kernelText(KernelOp kernel, const Target &target, const KernelOptions &options,
                                  KernelText what) {
  Compilation compilation(kernel, target, options);
  auto text = compilation.run<std::string>([&](Halide::Pipeline pipeline,
                                               std::vector<Halide::Argument> arguments) -> FailureOr<std::string> {
    if (what == KernelText::device)
      return deviceCode(
          pipeline.compile_to_module(arguments, compilation.symbol, compilation.target, Halide::LinkageType::External));
    return throughFile(kernel, "txt", [&](const std::string &path) {
      switch (what) {
      case KernelText::schedule:
        return pipeline.compile_to_conceptual_stmt(path, arguments, Halide::StmtOutputFormat::Text, compilation.target);
      case KernelText::stmt:
        return pipeline.compile_to_lowered_stmt(path, arguments, Halide::StmtOutputFormat::Text, compilation.target);
      case KernelText::llvm:
        return pipeline.compile_to_llvm_assembly(path, arguments, compilation.symbol, compilation.target);
      case KernelText::device:
      case KernelText::assembly:
        return pipeline.compile_to_assembly(path, arguments, compilation.symbol, compilation.target);
      }
    });
  });
  if (failed(text) || (what != KernelText::schedule && what != KernelText::stmt)) return text;
  // For people, names without the kernel's hash.
  *text = restoreNames(*text, compilation.names());
  for (size_t at = 0; (at = text->find(compilation.symbol + "_", at)) != std::string::npos;)
    text->erase(at, compilation.symbol.size() + 1);
  return text;
}

} // namespace fovea
