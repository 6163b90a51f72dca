// The tuner: a walk from neighbour to neighbour for each of the slowest kernels, all of them at once.
#include "lib/emit/Tune.h"

#include "lib/emit/Files.h"
#include "lib/kernels/schedule/Neighbours.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <atomic>
#include <thread>

using namespace mlir;

namespace fovea {
namespace {

constexpr unsigned calls = 3;            // of each entry point in a round
constexpr unsigned lastCalls = 6;        // in the last comparison
constexpr double faster = 0.97;          // what counts as faster than before
constexpr size_t mostKernels = 12;       // that are tuned
constexpr double sharesOfTheTime = 0.95; // that they have of the whole

class Tuner {
public:
  Tuner(const CompileOptions &options, const TuneOptions &tuning) : options(options), tuning(tuning) {}

  llvm::Expected<std::vector<TunedKernel>> run(ModuleOp module, llvm::function_ref<void(unsigned)> progress) {
    if (llvm::Error error = begin(module)) return error;
    for (unsigned round = 0; round < tuning.rounds && propose(); ++round) {
      if (llvm::Error error = compareCandidates()) return error;
      progress(round + 1);
    }
    if (llvm::Error error = compareWithFirst()) return error;
    std::vector<TunedKernel> result;
    for (const Walk &walk : walks) result.push_back({walk.name, walk.before, walk.after, walk.best});
    return result;
  }

private:
  struct Walk {
    std::string name, key;
    KernelOp kernel;
    ScheduleAttr first, best, candidate; // no candidate: none is left, or it cannot be compiled
    KernelCode code;                     // of the candidate
    llvm::SmallDenseSet<Attribute> tried;
    double before = 0, after = 0;
  };

  static llvm::Error failed(const llvm::Twine &what) { return llvm::createStringError(what); }

  llvm::Error begin(ModuleOp module) {
    MLIRContext *context = module.getContext();
    if (llvm::sys::fs::exists(tuning.path)) options.schedules = tuning.path;
    FailureOr<ScheduleFile> read = ScheduleFile::readOrMake(tuning.path, context);
    if (::failed(read)) return failed(""); // has been told
    file.emplace(std::move(*read));
    auto compiled = compileModel(module, options);
    if (::failed(compiled)) return failed("");
    model.emplace(std::move(*compiled));
    if (model->programs.size() > 1)
      return failed("--tune measures on one target, but --target names " + llvm::Twine(model->programs.size()) +
                    ": give one of them");
    if (llvm::Error error = checkSizes(model->interface, tuning.sizes, true)) return error;
    if (llvm::Error error = load(best)) return error;
    first = program().kernels;
    auto seconds = pass(*best);
    if (!seconds) return seconds.takeError();
    choose(*seconds);
    return save();
  }

  TargetProgram &program() { return model->programs.front(); }

  /// The slowest kernels.
  void choose(const ProfiledModel::Seconds &seconds) {
    double all = 0, taken = 0;
    for (KernelOp kernel : program().module->getOps<KernelOp>()) {
      double own = seconds.lookup(kernel.getSymName());
      all += own;
      ScheduleAttr schedule = *kernel.getSchedule();
      walks.push_back({kernel.getSymName().str(), kernelKey(kernel), kernel, schedule, schedule, {}, {}, {}, own, own});
      walks.back().tried.insert(schedule);
    }
    llvm::stable_sort(walks, [](const Walk &a, const Walk &b) { return a.before > b.before; });
    size_t count = 0;
    while (count < walks.size() && count < mostKernels && taken < sharesOfTheTime * all) taken += walks[count++].before;
    walks.resize(count);
  }

  /// Compiles an untried neighbour for each kernel that has one. False where none has.
  bool propose() {
    bool any = false;
    for (Walk &walk : walks) {
      walk.candidate = {};
      for (ScheduleAttr next : neighbours(walk.kernel, program().target))
        if (walk.tried.insert(next).second) {
          walk.candidate = next;
          walk.kernel.setScheduleAttr(next);
          break;
        }
      any |= bool(walk.candidate);
    }
    compileCandidates();
    for (Walk &walk : walks) walk.kernel.setScheduleAttr(walk.best);
    return any;
  }

  void compileCandidates() {
    MLIRContext *context = program().module->getContext();
    ScopedDiagnosticHandler quiet(context, [](Diagnostic &) { return success(); }); // those that cannot be compiled
    std::atomic<size_t> next{0};
    auto work = [&] {
      for (size_t index; (index = next++) < walks.size();) {
        Walk &walk = walks[index];
        if (!walk.candidate) continue;
        auto code = compileOneKernel(walk.kernel, program().target, options);
        ::failed(code) ? void(walk.candidate = {}) : void(walk.code = std::move(*code));
      }
    };
    unsigned threads = options.threads ? options.threads : std::max(1u, std::thread::hardware_concurrency());
    if (!context->isMultithreadingEnabled()) threads = 1;
    std::vector<std::thread> workers;
    for (unsigned i = 1; i < threads; ++i) workers.emplace_back(work);
    work();
    for (std::thread &worker : workers) worker.join();
  }

  /// Takes turns between two models; the least times of their kernels.
  llvm::Error compare(ProfiledModel &one, ProfiledModel &other, unsigned turns, ProfiledModel::Seconds &ofOne,
                      ProfiledModel::Seconds &ofOther) {
    for (unsigned turn = 0; turn < turns; ++turn)
      for (auto [profiled, least] : {std::pair(&one, &ofOne), std::pair(&other, &ofOther)}) {
        auto seconds = pass(*profiled);
        if (!seconds) return seconds.takeError();
        keepLeast(*least, *seconds);
      }
    return llvm::Error::success();
  }

  llvm::Error compareCandidates() {
    std::map<std::string, KernelCode> kept = program().kernels;
    for (Walk &walk : walks)
      if (walk.candidate) program().kernels[walk.name] = walk.code;
    std::unique_ptr<ProfiledModel> other;
    if (llvm::Error error = load(other)) return error;
    program().kernels = std::move(kept);
    ProfiledModel::Seconds now, then;
    if (llvm::Error error = compare(*best, *other, calls, now, then)) return error;
    return adopt(now, then);
  }

  /// Other programs on the machine may have disturbed a round: kernels that are not faster than they were in the
  /// beginning get their first schedules back.
  llvm::Error compareWithFirst() {
    program().kernels = first;
    std::unique_ptr<ProfiledModel> begun;
    if (llvm::Error error = load(begun)) return error;
    ProfiledModel::Seconds then, now;
    if (llvm::Error error = compare(*begun, *best, lastCalls, then, now)) return error;
    for (Walk &walk : walks) {
      walk.before = walk.after = then.lookup(walk.name);
      if (double seconds = now.lookup(walk.name); walk.best != walk.first && seconds < walk.before)
        walk.after = seconds;
      else
        walk.best = walk.first;
    }
    return save();
  }

  llvm::Error adopt(const ProfiledModel::Seconds &now, const ProfiledModel::Seconds &then) {
    bool any = false;
    for (Walk &walk : walks) {
      double candidate = then.lookup(walk.name);
      if (!walk.candidate || candidate >= faster * now.lookup(walk.name)) continue;
      any = true;
      walk.best = walk.candidate;
      walk.after = candidate;
      walk.kernel.setScheduleAttr(walk.best);
      program().kernels[walk.name] = walk.code;
    }
    if (!any) return llvm::Error::success();
    if (llvm::Error error = load(best)) return error;
    return save();
  }

  /// Links the model with its present kernels. Other than kernels, libraries of candidates are not kept in the cache.
  llvm::Error load(std::unique_ptr<ProfiledModel> &into) {
    model->host = emitHostProgram(model->interface, model->programs);
    CompileOptions uncached = options;
    uncached.cache.clear();
    auto loaded = ProfiledModel::load(*model, uncached, tuning.sizes);
    if (!loaded) return loaded.takeError();
    into = std::move(*loaded);
    return llvm::Error::success();
  }

  /// Calls each entry point once.
  llvm::Expected<ProfiledModel::Seconds> pass(ProfiledModel &profiled) {
    ProfiledModel::Seconds all;
    for (const Entry &entry : model->interface.entries) {
      if (!entry.sequence.empty()) continue;
      auto seconds = profiled.run(entry.name);
      if (!seconds) return seconds.takeError();
      for (const auto &kernel : *seconds) all[kernel.getKey()] += kernel.getValue();
    }
    return all;
  }

  llvm::Error save() {
    for (const Walk &walk : walks)
      file->set(
          walk.key, program().target.name, walk.best,
          llvm::formatv("{0}: {1:f1} us before, {2:f1} us now", walk.name, 1e6 * walk.before, 1e6 * walk.after).str());
    return writeFile(tuning.path, file->text());
  }

  CompileOptions options;
  const TuneOptions &tuning;
  std::optional<ScheduleFile> file;
  std::optional<CompiledModel> model;
  std::map<std::string, KernelCode> first; // the kernels as they were in the beginning
  std::unique_ptr<ProfiledModel> best;
  std::vector<Walk> walks; // the slowest first
};

} // namespace

llvm::Expected<std::vector<TunedKernel>> tune(ModuleOp module, CompileOptions options, const TuneOptions &tuning,
                                              llvm::function_ref<void(unsigned)> progress) {
  return Tuner(options, tuning).run(module, progress);
}

} // namespace fovea
