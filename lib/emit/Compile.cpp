// The driver: passes, kernels in parallel, host program, files.
#include "lib/emit/Compile.h"

#include "lib/emit/Cache.h"
#include "lib/emit/Files.h"
#include "lib/emit/Header.h"
#include "lib/emit/Providers.h"
#include "lib/kernels/schedule/Schedule.h"
#include "lib/kernels/schedule/ScheduleFile.h"

#include "llvm/Support/Path.h"

#include <atomic>
#include <set>
#include <thread>

using namespace mlir;

namespace fovea {

FailureOr<SmallVector<Target>> targetsOf(ModuleOp module, StringRef list) {
  FailureOr<Stage> stage = stageOf(module);
  if (failed(stage)) return failure();
  auto cut = module->getAttrOfType<StringAttr>("fovea.target");
  if (*stage == Stage::kernels && !cut)
    return module.emitError("is at the kernels stage without fovea.target: compile it anew from an earlier stage"),
           failure();
  if (list.empty()) list = *stage == Stage::kernels ? cut.getValue() : "host";
  auto targets = parseTargets(list);
  if (!targets) return emitError(UnknownLoc::get(module.getContext()), llvm::toString(targets.takeError())), failure();
  if (*stage == Stage::kernels && (targets->size() != 1 || targets->front().name != cut.getValue()))
    return module.emitError("was cut into kernels for ")
               << cut.getValue() << ", and the target is now '" << list << "': give --target=" << cut.getValue()
               << ", or start from an earlier stage",
           failure();
  return std::move(*targets);
}

static LogicalResult runPasses(ModuleOp module, Stage from, Stage to, const PipelineOptions &options,
                               TimingScope &timing) {
  if (from >= to) return success();
  PassManager manager(module.getContext());
  (void)applyPassManagerCLOptions(manager); // those that a tool has registered
  manager.enableTiming(timing);
  addPasses(manager, from, to, options);
  return manager.run(module);
}

LogicalResult applySchedules(ModuleOp module, const Target &target, StringRef path) {
  if (path.empty()) return success();
  FailureOr<ScheduleFile> file = ScheduleFile::read(path, module.getContext());
  return failed(file) ? failure() : file->apply(module, target);
}

FailureOr<std::vector<TargetProgram>> cutIntoKernels(ModuleOp module, const CompileOptions &options) {
  FailureOr<SmallVector<Target>> targets = targetsOf(module, options.targets);
  if (failed(targets)) return failure();
  FailureOr<Stage> stage = stageOf(module);
  if (*stage == Stage::kernels && failed(checkSchedules(module))) return failure();
  TimingScope timing = options.time("passes");
  if (failed(runPasses(module, *stage, Stage::optimized, {"host", options.inferenceOnly}, timing))) return failure();
  std::vector<TargetProgram> programs;
  for (const Target &target : *targets) {
    programs.push_back({target, module.clone(), {}});
    if (failed(runPasses(*programs.back().module, std::max(*stage, Stage::optimized), Stage::kernels,
                         {target.name, options.inferenceOnly}, timing)) ||
        failed(applySchedules(*programs.back().module, target, options.schedules)))
      return failure();
  }
  return programs;
}

//===-- Kernels, in parallel --------------------------------------------------------------------------------------===//

namespace {

/// Kernels to compile, each once however many names it has.
class KernelQueue {
public:
  KernelQueue(std::vector<TargetProgram> &programs, const CompileOptions &options)
      : options(options), cache(options.cache), timing(options.time("kernels")) {
    TimingScope hashing = timing.nest("hash");
    std::map<std::string, size_t> known;
    for (TargetProgram &program : programs)
      for (KernelOp kernel : program.module->getOps<KernelOp>()) {
        auto [at, fresh] = known.try_emplace(providedSymbol(kernel, program.target, {options.checks}), jobs.size());
        if (fresh) jobs.push_back({kernel, &program.target, at->first, {}, {}});
        jobs[at->second].users.emplace_back(&program, kernel.getSymName().str());
      }
  }

  LogicalResult run(MLIRContext *context) {
    size_t threads = options.threads ? options.threads : std::max(1u, std::thread::hardware_concurrency());
    if (!context->isMultithreadingEnabled()) threads = 1;
    {
      ParallelDiagnosticHandler diagnostics(context); // in the order of the kernels, whichever fails first
      std::vector<std::thread> workers;
      for (size_t i = 1; i < std::min(threads, jobs.size()); ++i) workers.emplace_back([&] { work(diagnostics); });
      work(diagnostics);
      for (std::thread &worker : workers) worker.join();
    }
    for (Job &job : jobs) {
      if (failed(job.code)) return failure();
      for (auto &[program, name] : job.users) program->kernels[name] = *job.code;
    }
    return success();
  }

private:
  struct Job {
    KernelOp kernel;
    const Target *target;
    std::string symbol;
    FailureOr<KernelCode> code;
    std::vector<std::pair<TargetProgram *, std::string>> users;
  };

  void work(ParallelDiagnosticHandler &diagnostics) {
    for (size_t index; (index = next++) < jobs.size();) {
      diagnostics.setOrderIDForThread(index);
      jobs[index].code = code(jobs[index]);
      diagnostics.eraseOrderIDForThread();
    }
  }

  FailureOr<KernelCode> code(const Job &job) {
    if (std::optional<KernelCode> found = find(job.symbol)) return std::move(*found);
    TimingScope compiling = timing.nest("compile @" + job.users.front().second);
    auto fresh = provideCode(job.kernel, *job.target, {options.checks});
    if (succeeded(fresh)) cache.store(*fresh);
    return fresh;
  }

  std::optional<KernelCode> find(StringRef symbol) {
    TimingScope reading = timing.nest("read from the cache");
    return cache.find(symbol);
  }

  const CompileOptions &options;
  Cache cache;
  TimingScope timing;
  std::vector<Job> jobs;
  std::atomic<size_t> next{0};
};

} // namespace

FailureOr<CompiledModel> compileModel(ModuleOp module, const CompileOptions &options) {
  if (std::string why = whyNoModelName(options.name); !why.empty())
    return emitError(UnknownLoc::get(module.getContext()), why), failure();
  FailureOr<std::vector<TargetProgram>> programs = cutIntoKernels(module, options);
  if (failed(programs)) return failure();
  FailureOr<Interface> interface = interfaceOf(*programs->front().module, options.name);
  for (TargetProgram &program : *programs)
    if (failed(interface) || failed(verifyTables(*program.module, interface->sizes))) return failure();
  if (failed(KernelQueue(*programs, options).run(module.getContext()))) return failure();
  TimingScope timing = options.time("host program");
  std::string host = emitHostProgram(*interface, *programs);
  return CompiledModel{std::move(*interface), std::move(*programs), std::move(host)};
}

FailureOr<KernelCode> compileOneKernel(KernelOp kernel, const Target &target, const CompileOptions &options) {
  Cache cache(options.cache);
  if (auto found = cache.find(providedSymbol(kernel, target, {options.checks}))) return std::move(*found);
  auto fresh = provideCode(kernel, target, {options.checks});
  if (succeeded(fresh)) cache.store(*fresh);
  return fresh;
}

//===-- Files -----------------------------------------------------------------------------------------------------===//

std::vector<ObjectFile> objectsOf(const CompiledModel &model, bool checks) {
  std::set<std::string> known;
  std::vector<ObjectFile> objects;
  for (const TargetProgram &program : model.programs)
    for (const auto &[name, code] : program.kernels)
      if (known.insert(code.symbol).second) objects.push_back({code.symbol + ".o", code.object});
  objects.push_back({model.interface.name + ".host.o", model.host});
  objects.push_back({"runtime.o", runtimeObject().str()});
  if (llvm::any_of(model.programs, [](const TargetProgram &program) { return program.target.onDevice(); }))
    objects.push_back({"device.o", deviceRuntimeObject().str()});
  if (checks) objects.push_back({"halide.o", halideRuntimeObject().str()});
  return objects;
}

static llvm::Expected<std::string> write(StringRef folder, const llvm::Twine &name, StringRef bytes) {
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, name);
  if (llvm::Error error = writeFile(path, bytes)) return error;
  return path.str().str();
}

static llvm::Error writeObjects(const CompiledModel &model, bool checks, StringRef folder, Artefacts &artefacts) {
  for (const ObjectFile &object : objectsOf(model, checks)) {
    auto path = write(folder, object.name, object.bytes);
    if (!path) return path.takeError();
    artefacts.objects.push_back(*path);
  }
  return llvm::Error::success();
}

static llvm::Error writeLibrary(const CompiledModel &model, bool checks, bool shared, StringRef folder,
                                Artefacts &artefacts) {
  const std::string &name = model.interface.name;
  SmallVector<std::string> exported = model.interface.exportedSymbols();
  auto joined = joinObjects(objectsOf(model, checks), exported);
  if (!joined) return joined.takeError();
  auto code = codeBytes(*joined);
  if (!code) return code.takeError();
  artefacts.codeBytes = *code;
  auto library = shared ? sharedLibraryOf(*joined, name + ".so", exported) : archiveOf(*joined, name + ".o");
  if (!library) return library.takeError();
  auto path = write(folder, name + (shared ? ".so" : ".a"), *library);
  if (!path) return path.takeError();
  (shared ? artefacts.shared : artefacts.archive) = *path;
  return llvm::Error::success();
}

llvm::Expected<Artefacts> writeArtefacts(const CompiledModel &model, const CompileOptions &options, Stage stage,
                                         StringRef folder) {
  Artefacts artefacts;
  TimingScope timing = options.time("link");
  if (llvm::Error error = makeFolder(folder)) return error;
  llvm::Error error = stage == Stage::object
                          ? writeObjects(model, options.checks, folder, artefacts)
                          : writeLibrary(model, options.checks, stage == Stage::shared, folder, artefacts);
  if (error) return error;
  auto header = write(folder, model.interface.name + ".h", headerText(model.interface));
  if (!header) return header.takeError();
  artefacts.header = *header;
  return artefacts;
}

} // namespace fovea
