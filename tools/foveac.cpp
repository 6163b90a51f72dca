// foveac: the compiler. Takes a module at any stage as text, or an ONNX model, and writes a later stage.
#include "tools/Peak.h"
#include "tools/Register.h"

#include "lib/emit/Cache.h"
#include "lib/emit/Files.h"
#include "lib/emit/Providers.h"
#include "lib/emit/Report.h"
#include "lib/emit/Tune.h"
#include "lib/halide/Lowering.h"
#include "lib/kernels/schedule/Schedule.h"
#include "lib/onnx/Import.h"
#include "training/ProgressBar.h"

#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

#include <thread>

using namespace fovea;
namespace cl = llvm::cl;

namespace {

/// The command line. Made after LLVM's own options are gone: they are many, and one of them is called `threads` too.
struct CommandLine {
  cl::OptionCategory category{"foveac"};
  cl::opt<std::string> input{cl::Positional, cl::desc("FILE.mlir or FILE.onnx"), cl::cat(category)};
  cl::opt<std::string> compileTo{
      "compile-to", cl::init("archive"), cl::value_desc("stage"), cl::cat(category),
      cl::desc("The stage to write: model, grad, optimized, kernels (modules); schedule, stmt, llvm, asm, ptx "
               "(text of each kernel; ptx is a device's code); object, archive (the default), shared (native files)")};
  cl::opt<std::string> output{
      "o", cl::value_desc("path"), cl::cat(category),
      cl::desc("A file for modules and text (default standard output), a folder for native files (default '.')")};
  cl::opt<std::string> name{"name", cl::value_desc("identifier"), cl::cat(category),
                            cl::desc("Prefix of the model's symbols and files (default: the file's stem)")};
  cl::opt<std::string> targets{
      "target", cl::value_desc("names"), cl::cat(category),
      cl::desc("host, x86-64, x86-64-v3, x86-64-v4, x86-64-v4-bf16, cuda-sm80, cuda-sm86, cuda-sm89, cuda-sm90 or opencl; "
               "several joined by '+' (default: what the "
               "module was cut into kernels for, else host)")};
  cl::opt<bool> checks{"checks", cl::cat(category), cl::desc("Keep bounds checks in kernels, and of what score functions load")};
  cl::opt<bool> inference{"inference", cl::cat(category),
                          cl::desc("Make only the forward entry point, whether or not there is a loss")};
  cl::opt<bool> report{"report", cl::cat(category),
                       cl::desc("Print what each kernel costs, and the memory of the whole")};
  cl::opt<bool> peak{"peak", cl::cat(category),
                     cl::desc("Print this machine's peak of single-precision multiply-adds and of memory traffic; with "
                              "--report, how each kernel is bounded by them")};
  cl::opt<bool> measure{"measure", cl::cat(category),
                        cl::desc("Run the model here on random arguments, and report how long each kernel takes")};
  cl::list<std::string> sizes{
      "sizes", cl::value_desc("name=number,..."), cl::CommaSeparated, cl::cat(category),
      cl::desc("Numbers for the model's sizes, such as batch=8, for --report, --measure and --tune")};
  cl::opt<std::string> schedules{"schedules", cl::value_desc("file"), cl::cat(category),
                                 cl::desc("Schedules for kernels, as --tune measures them")};
  cl::opt<bool> tune{"tune", cl::cat(category),
                     cl::desc("Measure schedules of the slowest kernels here on random arguments, and write the best "
                              "into the file of --schedules")};
  cl::opt<unsigned> tuneRounds{"tune-rounds", cl::init(32), cl::value_desc("count"), cl::cat(category),
                               cl::desc("How many schedules --tune measures of each kernel at most")};
  cl::opt<std::string> cache{
      "cache", cl::value_desc("folder"), cl::cat(category),
      cl::desc("Folder of compiled kernels; empty: none (default: $FOVEA_CACHE, else $XDG_CACHE_HOME/fovea, else "
               "~/.cache/fovea)")};
  cl::opt<unsigned> threads{
      "threads", cl::init(0), cl::value_desc("count"), cl::cat(category),
      cl::desc("Threads that compile kernels, or that --peak measures (default: as many as the machine runs)")};
};

/// Diagnostics with the author's line; those without a line begin with the tool's name.
class Diagnostics : public mlir::SourceMgrDiagnosticHandler {
public:
  Diagnostics(llvm::SourceMgr &manager, mlir::MLIRContext *context) : SourceMgrDiagnosticHandler(manager, context) {
    setHandler([this](mlir::Diagnostic &diagnostic) {
      auto node = mlir::dyn_cast<mlir::NameLoc>(diagnostic.getLocation()); // of an ONNX model
      if (!node && !mlir::isa<mlir::UnknownLoc>(diagnostic.getLocation())) return emitDiagnostic(diagnostic);
      mlir::DiagnosticSeverity severity = diagnostic.getSeverity();
      llvm::errs() << "foveac: "
                   << (severity == mlir::DiagnosticSeverity::Error     ? "error: "
                       : severity == mlir::DiagnosticSeverity::Warning ? "warning: "
                                                                       : "note: ");
      if (node) llvm::errs() << node.getName().getValue() << ": ";
      llvm::errs() << diagnostic << "\n";
    });
  }
};

/// Each line of a message is an error of its own.
int fail(const llvm::Twine &message) {
  std::string text = message.str();
  for (llvm::StringRef line : llvm::split(llvm::StringRef(text), '\n'))
    llvm::errs() << "foveac: error: " << line << "\n";
  return 1;
}

class Tool {
public:
  Tool(const CommandLine &line, mlir::Timer timer) : line(line), timer(timer) {}

  int run() {
    if (line.peak) measurePeak();
    if (line.peak && line.input.empty()) return 0;
    if (line.input.empty())
      return fail(
          "no input: give a .mlir or .onnx file, or - for a module on standard input; foveac --help lists the options");
    auto stage = parseStage(line.compileTo);
    if (!stage) return fail("--compile-to='" + line.compileTo + "' is no stage: it must be one of " + stageNames());
    if (line.report && *stage < Stage::object)
      return fail("--report describes compiled kernels, but --compile-to=" + stageName(*stage) +
                  " makes none: compile to object, archive or shared");
    if (line.measure && !line.report) return fail("--measure is for the report: give --report as well");
    if (line.tune && line.schedules.empty())
      return fail("--tune needs a file to write the best schedules into: give --schedules=FILE");
    if (line.tune && (line.report || line.output.getNumOccurrences() || line.compileTo.getNumOccurrences()))
      return fail("--tune writes schedules only: leave --compile-to, --report and -o to a call without it");
    if (llvm::Error error = parseSizes()) return fail(llvm::toString(std::move(error)));
    return compileFile(*stage);
  }

private:
  int writeText(llvm::StringRef text) {
    if (line.output.empty() || line.output == "-") {
      llvm::outs() << text;
      return 0;
    }
    llvm::Error error = writeFile(line.output, text);
    return error ? fail(llvm::toString(std::move(error))) : 0;
  }

  int writeModule(mlir::ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module->print(stream, mlir::OpPrintingFlags().enableDebugInfo());
    return writeText(text + "\n");
  }

  CompileOptions compileOptions() const {
    CompileOptions options;
    options.name = line.name.getNumOccurrences() ? line.name.getValue() : llvm::sys::path::stem(line.input).str();
    options.targets = line.targets;
    options.checks = line.checks;
    options.inferenceOnly = line.inference;
    options.cache = line.cache.getNumOccurrences() ? line.cache.getValue() : Cache::defaultFolder();
    options.threads = line.threads;
    if (!line.tune) options.schedules = line.schedules;
    options.timer = mlir::Timer(timer);
    return options;
  }

  int compileModules(mlir::ModuleOp module, Stage from, Stage to) {
    auto chosen = targetsOf(module, line.targets);
    if (failed(chosen)) return 1;
    if (to == Stage::kernels && chosen->size() > 1)
      return fail("--compile-to=kernels writes one module, but --target names " + llvm::Twine(chosen->size()) +
                  " targets: give one of them");
    if (from == Stage::kernels && failed(checkSchedules(module))) return 1;
    mlir::PassManager manager(module.getContext());
    if (failed(applyPassManagerCLOptions(manager))) return 1;
    mlir::TimingScope timing = timer.nest("passes");
    manager.enableTiming(timing);
    addPasses(manager, from, to, {chosen->front().name, line.inference});
    if (failed(manager.run(module))) return 1;
    if (to == Stage::kernels && failed(applySchedules(module, chosen->front(), line.schedules))) return 1;
    return writeModule(module);
  }

  int compileKernelTexts(mlir::ModuleOp module, Stage stage) {
    static const std::map<Stage, KernelText> texts = {{Stage::schedule, KernelText::schedule},
                                                      {Stage::stmt, KernelText::stmt},
                                                      {Stage::llvm, KernelText::llvm},
                                                      {Stage::assembly, KernelText::assembly},
                                                      {Stage::ptx, KernelText::device}};
    auto programs = cutIntoKernels(module, compileOptions());
    if (failed(programs)) return 1;
    std::string all;
    for (TargetProgram &program : *programs)
      for (KernelOp kernel : program.module->getOps<KernelOp>()) {
        auto text = provideText(kernel, program.target, {line.checks}, texts.at(stage));
        if (failed(text)) return 1;
        if (stage == Stage::ptx && !program.target.onDevice())
          return fail("--compile-to=ptx is a device's code, and target '" + program.target.name +
                      "' is a processor: give --target=cuda-sm80, or --compile-to=asm");
        all += "// " + kernel.getSymName().str() + " for " + program.target.name;
        if (kernel.getSchedule()) {
          llvm::raw_string_ostream stream(all);
          stream << ", " << mlir::Attribute(*kernel.getSchedule());
        }
        all += "\n" + *text + "\n";
      }
    return writeText(all);
  }

  int compileNative(mlir::ModuleOp module, Stage stage) {
    CompileOptions options = compileOptions();
    auto model = compileModel(module, options);
    if (failed(model)) return 1;
    if (line.report)
      if (llvm::Error error = checkSizes(model->interface, report.sizes, line.measure))
        return fail(llvm::toString(std::move(error)));
    auto artefacts = writeArtefacts(*model, options, stage, line.output.empty() ? "." : line.output.getValue());
    if (!artefacts) return fail(llvm::toString(artefacts.takeError()));
    if (!parameters.empty()) {
      llvm::SmallString<128> path(line.output.empty() ? "." : line.output.getValue());
      llvm::sys::path::append(path, options.name + ".safetensors");
      onnx::writeParameters(path.str().str(), parameters);
    }
    return line.report ? printReport(*model, *artefacts) : 0;
  }

  int tuneKernels(mlir::ModuleOp module) {
    training::ProgressBar bar("tuning", std::max(1u, line.tuneRounds.getValue()));
    auto tuned = tune(module, compileOptions(), {report.sizes, line.schedules, line.tuneRounds},
                      [&](unsigned done) { bar.update(done); });
    if (!tuned) {
      std::string message = llvm::toString(tuned.takeError());
      return message.empty() ? 1 : fail(message); // empty: a diagnostic has told it
    }
    for (const TunedKernel &kernel : *tuned)
      llvm::outs() << llvm::format("%s: %.1f us before, %.1f us now: ", kernel.name.c_str(), 1e6 * kernel.before,
                                   1e6 * kernel.after)
                   << mlir::Attribute(kernel.schedule) << "\n";
    return 0;
  }

  /// NAME=NUMBER each.
  llvm::Error parseSizes() {
    for (llvm::StringRef text : line.sizes) {
      auto [name, number] = text.split('=');
      int64_t value = 0;
      if (name.empty() || number.getAsInteger(10, value))
        return llvm::createStringError("--sizes has '" + text + "': it must be NAME=NUMBER, several joined by ','");
      report.sizes[name] = value;
    }
    return llvm::Error::success();
  }

  int printReport(const CompiledModel &model, const Artefacts &artefacts) {
    if (line.measure)
      if (llvm::Error error = measureKernels(model)) return fail(llvm::toString(std::move(error)));
    llvm::outs() << reportText(model, artefacts, report);
    return 0;
  }

  llvm::Error measureKernels(const CompiledModel &model) {
    constexpr int calls = 5;
    auto profiled = ProfiledModel::load(model, compileOptions(), report.sizes);
    if (!profiled) return profiled.takeError();
    for (const Entry &entry : model.interface.entries)
      for (int call = 0; call < calls && entry.sequence.empty(); ++call) {
        auto seconds = (*profiled)->run(entry.name);
        if (!seconds) return seconds.takeError();
        keepLeast(report.measured[entry.name], *seconds);
      }
    return llvm::Error::success();
  }

  /// An ONNX model as the text of a module; its parameters' values are kept. Throws Error.
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> importedText() {
    onnx::ImportOptions options;
    options.name = onnx::identifier(llvm::sys::path::stem(line.input).str());
    onnx::Imported imported = onnx::importModel(line.input.getValue(), options);
    parameters = std::move(imported.parameters);
    return llvm::MemoryBuffer::getMemBufferCopy(imported.model.text(), line.input);
  }

  int compileFile(Stage to) {
    mlir::TimingScope reading = timer.nest("read");
    mlir::DialectRegistry registry;
    registerDialects(registry);
    registerLowerings(registry);
    mlir::MLIRContext context(registry);
    context.printOpOnDiagnostic(false); // the author knows lines, not ops
    llvm::SourceMgr manager;
    auto file = llvm::sys::path::extension(line.input) == ".onnx"
                    ? importedText()
                    : llvm::MemoryBuffer::getFileOrSTDIN(line.input, true);
    if (!file) return fail("cannot read '" + line.input + "': " + file.getError().message());
    manager.AddNewSourceBuffer(std::move(*file), llvm::SMLoc());
    Diagnostics diagnostics(manager, &context);
    auto module = mlir::parseSourceFile<mlir::ModuleOp>(manager, &context);
    if (!module) return 1;
    reading.stop();
    auto from = stageOf(*module);
    if (failed(from)) return 1;
    if (line.tune) return tuneKernels(*module);
    if (*from > to)
      return fail("'" + line.input + "' is at stage " + stageName(*from) + ", which comes after --compile-to=" +
                  stageName(to) + ": ask for that stage or a later one, or start from an earlier file");
    if (to >= Stage::object) return compileNative(*module, to);
    if (to > Stage::kernels) return compileKernelTexts(*module, to);
    return compileModules(*module, *from, to);
  }

  void measurePeak() {
    unsigned all = line.threads ? line.threads.getValue() : std::max(1u, std::thread::hardware_concurrency());
    report.roof = {peakGflops(all) * 1e9, peakGigabytes(all) * 1e9};
    if (line.report) return;
    llvm::outs() << llvm::format(
        "peak, one thread: %.1f GFLOP/s, %.1f GB/s\npeak, %u threads: %.1f GFLOP/s, %.1f GB/s\n", peakGflops(1),
        peakGigabytes(1), all, report.roof->operations / 1e9, report.roof->bytes / 1e9);
  }

  const CommandLine &line;
  mlir::Timer timer;
  ReportOptions report;
  std::vector<std::shared_ptr<const onnx::Array>> parameters; // of an ONNX model
};

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::ResetCommandLineParser();
  CommandLine line;
  cl::SetVersionPrinter(
      [](llvm::raw_ostream &os) { os << "foveac " FOVEA_VERSION ", ABI " << FOVEA_ABI_VERSION << "\n"; });
  mlir::registerAsmPrinterCLOptions();
  mlir::registerMLIRContextCLOptions();
  mlir::registerPassManagerCLOptions();
  mlir::registerDefaultTimingManagerCLOptions();
  cl::ParseCommandLineOptions(argc, argv, "Fovea's compiler: attention models to native code\n");
  try {
    mlir::DefaultTimingManager times; // printed in the end, with --mlir-timing
    mlir::applyDefaultTimingManagerCLOptions(times);
    mlir::Timer timer = times.getRootTimer();
    mlir::TimingScope all(timer);
    return Tool(line, timer).run();
  } catch (const Error &error) {
    return fail(error.what());
  }
}
