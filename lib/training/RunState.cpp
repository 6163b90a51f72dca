// run.json, written last and atomically, decides which checkpoint counts.
#include "training/RunState.h"

#include "formats/Error.h"
#include "formats/File.h"

#include <nlohmann/json.hpp>

namespace fovea::training {
namespace {

using nlohmann::json;

constexpr const char *checkpointStart = "checkpoint-", *checkpointEnd = ".safetensors", *runFile = "run.json";

json valueOf(const Setting &setting) {
  return std::visit([](auto *variable) { return json(*variable); }, setting);
}

json toJson(const Settings &settings, const RunState &state) {
  json values = json::object();
  for (const auto &[name, setting] : settings) values[name] = valueOf(setting);
  return {{"settings", values}, {"step", state.step}, {"items", state.items}, {"checkpoint", state.checkpoint}};
}

/// Sets all or, where it throws, none.
void setAll(const json &values, const Settings &settings, const std::filesystem::path &path) {
  for (const auto &[name, value] : values.items())
    if (settings.count(name) == 0)
      throw Error(path.string() + ": has the setting \"" + name +
                  "\", which this program does not take: continue the run with the program that began it");
  for (const auto &[name, setting] : settings) {
    if (!values.contains(name))
      throw Error(path.string() + ": lacks the setting \"" + name +
                  "\", which this program takes: continue the run with the program that began it");
    if (values[name].type() != valueOf(setting).type() && !(values[name].is_number() && valueOf(setting).is_number()))
      throw Error(path.string() + ": the setting \"" + name + "\" is " + values[name].dump() + ", where a " +
                  valueOf(setting).type_name() + " is expected: start the run anew");
  }
  for (const auto &[name, setting] : settings)
    std::visit([&value = values[name]](auto *variable) { value.get_to(*variable); }, setting);
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

std::string textOf(const Setting &setting) {
  const json value = valueOf(setting);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void saveRun(const std::filesystem::path &folder, const Settings &settings, RunState &state,
             const std::function<void(const std::filesystem::path &)> &saveCheckpoint) {
  RunState saved = state;
  saved.checkpoint = checkpointStart + std::to_string(state.step) + checkpointEnd;
  saveCheckpoint(folder / saved.checkpoint);
  formats::writeFile(folder / runFile, toJson(settings, saved).dump(2) + "\n");
  removeOtherCheckpoints(folder, saved.checkpoint);
  state = saved;
}

RunState loadRun(const std::filesystem::path &folder, const Settings &settings) {
  const std::filesystem::path path = folder / runFile;
  if (!std::filesystem::exists(path))
    throw Error(folder.string() + ": holds no run.json, so there is no run to continue: start one, or name its folder");
  const formats::Bytes content = formats::readFile(path);
  try {
    const json run = json::parse(content.begin(), content.end());
    RunState state{run.at("step"), run.at("items"), run.at("checkpoint")};
    if (state.checkpoint.empty() || std::filesystem::path(state.checkpoint).filename() != state.checkpoint)
      throw Error(path.string() + ": names the checkpoint \"" + state.checkpoint +
                  "\", but it must be a file beside it: start the run anew");
    setAll(run.at("settings"), settings, path);
    return state;
  } catch (const json::exception &error) {
    throw Error(path.string() + ": is not what a training run wrote (" + error.what() + "): start the run anew");
  }
}

void removeRun(const std::filesystem::path &folder) { std::filesystem::remove(folder / runFile); }

} // namespace fovea::training
