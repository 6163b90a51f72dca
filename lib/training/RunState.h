// What a training run keeps in its folder, besides its logs, to continue bit for bit after a stop: run.json and the
// checkpoint that it names.
#ifndef FOVEA_TRAINING_RUNSTATE_H
#define FOVEA_TRAINING_RUNSTATE_H

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <variant>

namespace fovea::training {

/// A choice that is made when a run begins and holds for all of it: a variable of the program.
using Setting = std::variant<bool *, int64_t *, uint64_t *, double *, std::string *>;

/// By their names. The variables must outlive what is given them.
using Settings = std::map<std::string, Setting>;

/// The value of a setting, as run.json has it.
std::string textOf(const Setting &setting);

/// Where a run stands.
struct RunState {
  int64_t step = 0;       // steps done
  int64_t items = 0;      // of an epoch: with other data the run cannot continue
  std::string checkpoint; // the model's checkpoint at this step: a file name in the run's folder
};

/// Saves a run into its folder: the model's checkpoint, by the function, under a name of its own; then run.json, which
/// names it; then removes all other checkpoints there. Stopped at any point, the folder holds a state that fits
/// together. Sets state.checkpoint. Throws fovea::Error where a file cannot be written, and what the function throws.
void saveRun(const std::filesystem::path &folder, const Settings &settings, RunState &state,
             const std::function<void(const std::filesystem::path &)> &saveCheckpoint);

/// Reads run.json and sets all settings. Throws fovea::Error where it is missing or malformed, or its settings are not
/// these, as those of another program.
RunState loadRun(const std::filesystem::path &folder, const Settings &settings);

/// Takes run.json away, so that a new run can begin in the folder.
void removeRun(const std::filesystem::path &folder);

} // namespace fovea::training

#endif
