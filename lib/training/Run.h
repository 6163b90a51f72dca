// A training run: steps and tests of a model, epoch after epoch, with logs, progress and checkpoints in a folder. The
// model is known by functions, so it may be compiled into the program or in process.
#ifndef FOVEA_TRAINING_RUN_H
#define FOVEA_TRAINING_RUN_H

#include "training/CsvLog.h"
#include "training/EventLog.h"
#include "training/RunState.h"
#include "training/Schedule.h"

#include <chrono>
#include <optional>

namespace fovea::training {

class Interrupt;

/// What a test at an epoch's end found.
struct Tested {
  std::vector<double> metrics; // as many as Training::metrics
  std::string text = {};       // for the terminal; where empty, the metrics with their names
};

/// What is trained, and how.
struct Training {
  int64_t items = 0; // of an epoch
  int64_t batch = 1; // items of a step; the last one of an epoch takes what is left
  int64_t epochs = 1;
  std::vector<std::string> losses{"loss"}; // names of the numbers of a step, what is minimised first
  std::vector<std::string> metrics = {};   // names of the numbers of a test
  Schedule rate;
  /// Trains one step, counted from 0 over all epochs (Loader::at has its batch), and returns its losses.
  std::function<std::vector<double>(int64_t step, double rate)> step;
  /// Tests after an epoch, counted from 1; there are no tests where it is empty.
  std::function<Tested(int64_t epoch)> test = {};
  std::function<void(const std::filesystem::path &)> saveCheckpoint, loadCheckpoint;
  std::optional<EarlyStopping> stopping = {}; // by the first metric; without metrics, by the epoch's mean first loss
  std::string metricsFile = "metrics.csv";
  double saveSeconds = 300; // a run is saved after each epoch, and within one after so long
};

/// In its folder a run writes
///   loss.csv                       step, losses, rate: a row a step
///   metrics.csv                    epoch, mean losses, metrics: a row an epoch
///   events.out.tfevents.fovea      the same for TensorBoard
///   run.json, checkpoint-N.safetensors
class Run {
public:
  /// Begins a run, or continues it where `begun` says: with the checkpoint, and the rows of the logs so far. The
  /// settings are saved with the run. Throws fovea::Error where files cannot be read or written, or the items are not
  /// as many as they were.
  Run(std::filesystem::path folder, Settings settings, const std::optional<RunState> &begun, Training training);

  /// Trains to the end. The first SIGINT or SIGTERM saves and returns false. Throws fovea::Error where a loss is not
  /// finite, a file cannot be written (as on a full disk), and what the functions throw; the message then says from
  /// which step on the run can be continued.
  bool train();

  int64_t step() const { return state.step; } // steps done
  int64_t stepsPerEpoch() const { return (training.items + training.batch - 1) / training.batch; }
  int64_t epoch() const { return state.step / stepsPerEpoch(); } // epochs done
  const std::filesystem::path &folder() const { return place; }
  const Settings &settings() const { return named; }
  std::filesystem::path checkpoint() const { return place / state.checkpoint; } // the last one
  const CsvLog &losses() const { return lossLog; }
  const CsvLog &metrics() const { return metricLog; }
  EventLog &events() { return eventLog; } // for pictures and histograms

private:
  bool finished() const;
  bool restOfEpoch(const Interrupt &interrupt);
  void trainStep();
  void test();
  void save();
  std::vector<double> meanLosses() const;
  std::string whatIsSaved() const;

  const std::filesystem::path place;
  const Settings named;
  const Training training;
  RunState state;
  CsvLog lossLog, metricLog;
  EventLog eventLog;
  std::chrono::steady_clock::time_point saved;
};

} // namespace fovea::training

#endif
