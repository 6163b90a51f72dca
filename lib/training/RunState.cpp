// run.json, written last and atomically, decides which checkpoint counts.
#include "training/RunState.h"

#include "formats/Error.h"
#include "formats/File.h"

#include <nlohmann/json.hpp>

namespace fovea::training {
namespace {

using nlohmann::json;

constexpr const char *checkpointStart = "checkpoint-", *checkpointEnd = ".safetensors";

json toJson(const RunState &state) {
  return {{"data", state.data},
          {"quick", state.quick},
          {"epochs", state.epochs},
          {"batch", state.batch},
          {"rate", state.rate},
          {"seed", state.seed},
          {"step", state.step},
          {"loader", {{"epoch", state.loader.epoch}, {"position", state.loader.position}}},
          {"checkpoint", state.checkpoint}};
}

RunState fromJson(const json &value) {
  RunState state;
  value.at("data").get_to(state.data);
  value.at("quick").get_to(state.quick);
  value.at("epochs").get_to(state.epochs);
  value.at("batch").get_to(state.batch);
  value.at("rate").get_to(state.rate);
  value.at("seed").get_to(state.seed);
  value.at("step").get_to(state.step);
  value.at("loader").at("epoch").get_to(state.loader.epoch);
  value.at("loader").at("position").get_to(state.loader.position);
  value.at("checkpoint").get_to(state.checkpoint);
  return state;
}

/// Also those of an earlier run in this folder. One that cannot be removed does no harm.
void removeOtherCheckpoints(const std::filesystem::path &folder, const std::string &kept) {
  std::error_code ignored;
  for (const auto &entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const bool checkpoint = name.rfind(checkpointStart, 0) == 0 && entry.path().extension() == checkpointEnd;
    if (checkpoint && name != kept) std::filesystem::remove(entry.path(), ignored);
  }
}

} // namespace

void saveRun(const std::filesystem::path &folder, RunState &state,
             const std::function<void(const std::filesystem::path &)> &saveCheckpoint) {
  state.checkpoint = checkpointStart + std::to_string(state.step) + checkpointEnd;
  saveCheckpoint(folder / state.checkpoint);
  formats::writeFile(folder / "run.json", toJson(state).dump(2) + "\n");
  removeOtherCheckpoints(folder, state.checkpoint);
}

RunState loadRun(const std::filesystem::path &folder) {
  const std::filesystem::path path = folder / "run.json";
  if (!std::filesystem::exists(path))
    throw Error(folder.string() + ": holds no run.json, so there is no run to continue: start one, or name its folder");
  const formats::Bytes content = formats::readFile(path);
  try {
    RunState state = fromJson(json::parse(content.begin(), content.end()));
    if (state.checkpoint.empty() || std::filesystem::path(state.checkpoint).filename() != state.checkpoint)
      throw Error(path.string() + ": names the checkpoint \"" + state.checkpoint +
                  "\", but it must be a file beside it: start the run anew");
    return state;
  } catch (const json::exception &error) {
    throw Error(path.string() + ": is not what a training run wrote (" + error.what() + "): start the run anew");
  }
}

} // namespace fovea::training
