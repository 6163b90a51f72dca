// What a training run needs, besides the model's own checkpoint, to continue bit for bit after a stop.
#ifndef FOVEA_TRAINING_RUNSTATE_H
#define FOVEA_TRAINING_RUNSTATE_H

#include "training/Loader.h"

#include <filesystem>
#include <functional>
#include <string>

namespace fovea::training {

struct RunState {
  // Chosen at the start and the same for the whole run.
  std::string data; // the data's folder; empty: drawn digits
  bool quick = false;
  int64_t epochs = 0, batch = 0;
  double rate = 0; // the schedule's peak
  uint64_t seed = 0;
  // Where it stands.
  int64_t step = 0;
  LoaderState loader;
  std::string checkpoint; // the model's checkpoint at this step: a file name in the run's folder
};

/// Saves a run into its folder: the model's checkpoint, by the function, under a name of its own; then run.json, which
/// names it; then removes all other checkpoints there. Stopped at any point, the folder holds a state that fits
/// together. Sets state.checkpoint. Throws fovea::Error where a file cannot be written, and what the function throws.
void saveRun(const std::filesystem::path &folder, RunState &state,
             const std::function<void(const std::filesystem::path &)> &saveCheckpoint);

/// Reads run.json. Throws fovea::Error where it is missing or malformed.
RunState loadRun(const std::filesystem::path &folder);

} // namespace fovea::training

#endif
