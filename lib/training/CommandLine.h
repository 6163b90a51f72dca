// The command line that all training programs have, and how such a program begins and ends.
#ifndef FOVEA_TRAINING_COMMANDLINE_H
#define FOVEA_TRAINING_COMMANDLINE_H

#include "training/RunState.h"

#include <CLI/CLI.hpp>
#include <optional>

namespace fovea::training {

/// What a program says about itself and does where the command line does not say otherwise.
struct CommandLineDefaults {
  std::string purpose;  // a sentence
  std::string out;      // --out
  std::string data;     // the folder within $FOVEA_DATA that --data is where it is there
  std::string dataHelp; // what --data names
  int64_t epochs = 10, quickEpochs = 1, batch = 64;
  double rate = 1e-3;
};

/// Options of every training program. All but those marked are settings of the run.
struct CommonOptions {
  std::string data; // --data: an absolute path; empty where neither the user nor $FOVEA_DATA names one
  bool quick = false;
  int64_t epochs, batch;
  double rate;
  uint64_t seed = 1;
  std::string out;     // --out: the run's folder, made where it is missing. No setting
  int64_t threads;     // no setting: results are the same
  std::string target;  // of the model's code; empty: the program's own choice. No setting
  bool resume = false; // no setting
};

class CommandLine {
public:
  explicit CommandLine(const CommandLineDefaults &defaults);
  CommandLine(const CommandLine &) = delete;
  CommandLine &operator=(const CommandLine &) = delete;

  CommonOptions options; // valid while `run` calls its function

  /// Adds a setting, such as "--variant"; its value so far is the default. With --resume all settings are those that
  /// the run began with, and only --data can be given, for data that has moved.
  CLI::Option *add(const std::string &name, Setting setting, const std::string &help);

  /// Parses, makes the folder of the run or, with --resume, reads its settings, and calls the function, which returns
  /// false where the user interrupted. The program's exit code: 0, 130 (128 + SIGINT) after an interruption, or 1 where
  /// the command line is wrong or a fovea::Error was thrown, which goes to stderr.
  int run(int argc, char **argv, const std::function<bool()> &train);

  const Settings &settings() const { return named; }
  /// Where a resumed run stands; none in a new run.
  const std::optional<RunState> &begun() const { return state; }

private:
  void prepare();

  const CommandLineDefaults defaults;
  CLI::App app;
  Settings named;
  std::optional<RunState> state;
  CLI::Option *resume;
};

} // namespace fovea::training

#endif
