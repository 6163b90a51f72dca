#include "training/Run.h"

#include "formats/Error.h"
#include "formats/File.h"
#include "training/Interrupt.h"
#include "training/ProgressBar.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace fovea::training {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

Names joined(Names first, const Names &second, const Names &third) {
  first.insert(first.end(), second.begin(), second.end());
  first.insert(first.end(), third.begin(), third.end());
  return first;
}

/// A log: new, or continued with the rows of 1 to `last`.
CsvLog openLog(const fs::path &path, const Names &columns, bool continued, int64_t last) {
  if (!continued) return CsvLog(path, columns);
  std::vector<Row> rows = readCsv(path, columns);
  rows.erase(
      std::remove_if(rows.begin(), rows.end(), [&](const Row &row) { return row[0] > static_cast<double>(last); }),
      rows.end());
  if (rows.size() != static_cast<size_t>(last))
    throw Error(path.string() + ": has " + std::to_string(rows.size()) + " rows for 1 to " + std::to_string(last) +
                " of the " + columns[0] + " column: it is not the log of this run, start anew");
  return CsvLog(path, columns, rows);
}

/// Before the logs are opened: what can be wrong without harm to the folder.
RunState checkedState(const fs::path &folder, const std::optional<RunState> &begun, const Training &training) {
  if (training.items <= 0 || training.batch <= 0)
    throw Error("an epoch of " + std::to_string(training.items) + " items in steps of " +
                std::to_string(training.batch) + " is not possible: there must be one at least of both");
  if (!begun) {
    removeRun(folder);
    return {0, training.items, ""};
  }
  if (begun->items != training.items)
    throw Error(folder.string() + ": the run began with " + std::to_string(begun->items) +
                " items in an epoch, but now there are " + std::to_string(training.items) +
                ": give it the data that it began with");
  training.loadCheckpoint(folder / begun->checkpoint);
  return *begun;
}

} // namespace

Run::Run(fs::path folder, Settings settings, const std::optional<RunState> &begun, Training what)
    : place(std::move(folder)), named(std::move(settings)), training(std::move(what)),
      state(checkedState(place, begun, training)),
      lossLog(openLog(place / "loss.csv", joined({"step"}, training.losses, {"rate"}), begun.has_value(), state.step)),
      metricLog(openLog(place / training.metricsFile, joined({"epoch"}, training.losses, training.metrics),
                        begun.has_value(), epoch())),
      eventLog(place / "events.out.tfevents.fovea", begun ? state.step : -1), saved(std::chrono::steady_clock::now()) {
  if (begun)
    std::printf("continuing after step %lld of %lld\n", static_cast<long long>(state.step),
                static_cast<long long>(training.epochs * stepsPerEpoch()));
}

bool Run::train() {
  const Interrupt interrupt;
  try {
    while (!finished()) {
      const bool whole = restOfEpoch(interrupt);
      if (whole) test();
      save();
      if (!interrupt.requested()) continue;
      std::printf("interrupted: saved; continue with --resume --out %s\n", place.c_str());
      return false;
    }
  } catch (const Error &error) {
    throw Error(std::string(error.what()) + "; " + whatIsSaved());
  }
  if (epoch() < training.epochs) std::printf("ended early: the last epochs brought nothing better\n");
  return true;
}

bool Run::finished() const {
  if (epoch() >= training.epochs) return true;
  if (!training.stopping || metricLog.rows().empty()) return false;
  const size_t column = training.metrics.empty() ? 1 : 1 + training.losses.size();
  std::vector<double> values;
  for (const Row &row : metricLog.rows()) values.push_back(row[column]);
  return training.stopping->stops(values);
}

/// True at the epoch's end, false where the user interrupted before it.
bool Run::restOfEpoch(const Interrupt &interrupt) {
  const int64_t current = epoch(), first = current * stepsPerEpoch();
  auto done = [&] { return std::min(training.items, (state.step - first) * training.batch); };
  ProgressBar bar("epoch " + std::to_string(current + 1) + "/" + std::to_string(training.epochs), training.items,
                  done());
  while (epoch() == current && !interrupt.requested()) {
    trainStep();
    bar.update(done(), lossLog.rows().back()[1]);
    const std::chrono::duration<double> since = std::chrono::steady_clock::now() - saved;
    if (epoch() == current && since.count() > training.saveSeconds) save();
  }
  return epoch() > current;
}

void Run::trainStep() {
  const double rate = training.rate(state.step);
  std::vector<double> numbers = training.step(state.step, rate);
  const bool finite = std::all_of(numbers.begin(), numbers.end(), [](double loss) { return std::isfinite(loss); });
  numbers.push_back(rate);
  ++state.step;
  Row row{static_cast<double>(state.step)};
  row.insert(row.end(), numbers.begin(), numbers.end());
  lossLog.append(row);
  eventLog.scalars(state.step, joined(training.losses, {"rate"}, {}), numbers);
  if (finite) return;
  char text[32];
  std::snprintf(text, sizeof text, "%g", rate);
  throw Error("the loss is no longer finite at step " + std::to_string(state.step) + ", whose learning rate was " +
              text + ": start anew with a lower --rate");
}

void Run::test() {
  const std::vector<double> mean = meanLosses();
  Tested tested = training.test ? training.test(epoch()) : Tested{};
  Row row{static_cast<double>(epoch())};
  row.insert(row.end(), mean.begin(), mean.end());
  row.insert(row.end(), tested.metrics.begin(), tested.metrics.end());
  metricLog.append(row);
  if (!training.metrics.empty()) eventLog.scalars(state.step, training.metrics, tested.metrics);
  char number[32];
  if (tested.text.empty())
    for (size_t i = 0; i < training.metrics.size(); ++i) {
      std::snprintf(number, sizeof number, "%.4g", tested.metrics[i]);
      tested.text += (i > 0 ? ", " : "") + training.metrics[i] + " " + number;
    }
  std::printf("epoch %lld: mean loss %.4f%s%s\n", static_cast<long long>(epoch()), mean[0],
              tested.text.empty() ? "" : ", ", tested.text.c_str());
}

std::vector<double> Run::meanLosses() const {
  const std::vector<Row> &rows = lossLog.rows();
  std::vector<double> means(training.losses.size(), 0);
  for (auto row = rows.end() - stepsPerEpoch(); row != rows.end(); ++row)
    for (size_t i = 0; i < means.size(); ++i) means[i] += (*row)[i + 1];
  for (double &mean : means) mean /= static_cast<double>(stepsPerEpoch());
  return means;
}

void Run::save() {
  for (const fs::path &log : {lossLog.path(), metricLog.path()}) formats::syncFile(log);
  saveRun(place, named, state, training.saveCheckpoint);
  saved = std::chrono::steady_clock::now();
}

std::string Run::whatIsSaved() const {
  if (state.checkpoint.empty()) return "nothing of the run was saved before";
  return state.checkpoint + " is good: --resume --out " + place.string() + " continues there";
}

} // namespace fovea::training
