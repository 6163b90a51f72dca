// What the training programs of the systems share: a model that is compiled in the process, runs of it, and the line
// that each run leaves for the table of figures.
#pragma once

#include <fovea/compile.h>
#include <fovea/fovea.h>

#include "formats/File.h"
#include "training/CommandLine.h"
#include "training/DrawnDigits.h"
#include "training/Loader.h"
#include "training/Metrics.h"
#include "training/Report.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>

namespace systems {

using namespace fovea::training;

/// Compiles for --target, else this machine, with the largest batch that is given, and says what it made.
inline fovea::Program compiled(const fovea::Model &model, const CommonOptions &options, bool inference = false) {
  const auto begin = std::chrono::steady_clock::now();
  fovea::Program program = fovea::compile(model, {.target = options.target.empty() ? "host" : options.target,
                                                  .sizes = {{"batch", options.batch}},
                                                  .threads = static_cast<int>(options.threads),
                                                  .seed = options.seed,
                                                  .inference = inference});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::printf("model: compiled for %s in %.1f s%s\n", program.target().c_str(), seconds.count(),
              inference ? ", inference only" : "");
  return program;
}

/// A training of the program at a constant rate, whose checkpoints are its own; step and test are to be added.
inline Training trainingOf(fovea::Program &program, const CommonOptions &options, int64_t items) {
  Training training;
  training.items = items;
  training.batch = options.batch;
  training.epochs = options.epochs;
  training.rate = constantSchedule(options.rate);
  training.saveCheckpoint = [&](const std::filesystem::path &path) { program.save_checkpoint(path); };
  training.loadCheckpoint = [&](const std::filesystem::path &path) { program.load_checkpoint(path); };
  return training;
}

/// MNIST from --data; without it, digits drawn by a procedure, which it says. `data` becomes the name of the set.
inline DataSet digitsOf(const CommonOptions &options, std::string &data) {
  data = options.data.empty() ? "drawn digits, a stand-in for MNIST" : "MNIST";
  std::printf("data: %s\n", data.c_str());
  return options.data.empty() ? drawDigits(12000, 2000, 1) : loadMnist(options.data);
}

/// Writes result.json: the run's settings, the data set's name, the parameters' number, the figures. tools/figures.sh
/// makes the table of these. Throws fovea::Error where it cannot be written.
inline void writeResult(const Run &run, const std::string &data, int64_t parameters,
                        const std::vector<std::pair<std::string, double>> &figures) {
  nlohmann::ordered_json settings, values;
  for (const auto &[name, setting] : run.settings())
    if (name != "data") settings[name] = textOf(setting);
  for (const auto &[name, value] : figures) values[name] = value;
  const nlohmann::ordered_json result = {
      {"settings", settings}, {"data", data}, {"parameters", parameters}, {"steps", run.step()}, {"figures", values}};
  fovea::formats::writeFile(run.folder() / "result.json", result.dump(2) + "\n");
}

} // namespace systems
