// Trains a small vision transformer on handwritten digits, from compiled code alone: digits.h is generated from
// model.cpp, the rest is the C++ library around it. No MLIR, no Halide, no Python.
//
//   train --quick                  a short run, under a minute
//   train --data FOLDER            with MNIST's four files
//   train --resume                 continues an interrupted run, bit for bit
#include "attention.h"
#include "digits.h"
#include "pixels.h"

#include "formats/Error.h"
#include "formats/Idx.h"
#include "training/CsvLog.h"
#include "training/Interrupt.h"
#include "training/Loader.h"
#include "training/Plot.h"
#include "training/ProgressBar.h"
#include "training/RunState.h"
#include "training/Schedule.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <thread>

using namespace fovea::training;
namespace fs = std::filesystem;

namespace {

struct Options {
  RunState run; // what a resumed run takes from its folder instead
  std::string out = "out/mnist";
  int32_t threads = static_cast<int32_t>(std::max(1u, std::thread::hardware_concurrency()));
  bool resume = false;
};

// A short run: this many images and epochs are enough for some 90 %.
constexpr int64_t quickTrain = 12000, quickTest = 2000, quickEpochs = 3;

constexpr int interrupted = 130; // exit code: 128 + SIGINT

const CLI::Validator aboveZero(
    [](const std::string &text) {
      return std::strtod(text.c_str(), nullptr) > 0 ? std::string() : text + ": must be a number above zero";
    },
    "ABOVE ZERO");

void declareOptions(CLI::App &app, Options &options) {
  options.run.epochs = 8;
  options.run.batch = 64;
  options.run.rate = 3e-3;
  options.run.seed = 1;
  app.add_option("--data", options.run.data, "folder with MNIST's four files (default: $FOVEA_DATA/mnist, else drawn)");
  app.add_option("--out", options.out, "folder for everything that is written")->capture_default_str();
  app.add_option("--threads", options.threads, "threads to compute with")->check(aboveZero);
  CLI::Option *chosenOnce[] = {
      app.add_option("--epochs", options.run.epochs, "times over the data")->check(aboveZero)->capture_default_str(),
      app.add_option("--batch", options.run.batch, "images a step")->check(aboveZero)->capture_default_str(),
      app.add_option("--rate", options.run.rate, "peak learning rate")->check(aboveZero)->capture_default_str(),
      app.add_option("--seed", options.run.seed, "of the weights and the order of images")->capture_default_str(),
      app.add_flag("--quick", options.run.quick, "a short run on part of the data")};
  CLI::Option *resume = app.add_flag("--resume", options.resume, "continue the run in --out with its own settings");
  for (CLI::Option *option : chosenOnce) resume->excludes(option);
}

// The settings of a new run, completed.
RunState newRun(const Options &options, bool epochsGiven) {
  RunState run = options.run;
  const char *shared = std::getenv("FOVEA_DATA");
  if (run.data.empty() && shared && fs::is_directory(fs::path(shared) / "mnist"))
    run.data = (fs::path(shared) / "mnist").string();
  if (!run.data.empty()) run.data = fs::absolute(run.data).string(); // --resume may come from another folder
  if (run.quick && !epochsGiven) run.epochs = quickEpochs;
  return run;
}

Digits loadDigits(const RunState &run) {
  if (run.data.empty())
    std::printf("data: digits drawn by a procedure (--data or FOVEA_DATA name a folder with MNIST)\n");
  else
    std::printf("data: MNIST from %s\n", run.data.c_str());
  Digits digits = run.data.empty() ? drawDigits(12000, 2000, 1) : loadMnist(run.data);
  if (run.quick) digits = {firstOf(digits.train, quickTrain), firstOf(digits.test, quickTest)};
  std::printf("%lld images to learn from, %lld to test with\n", static_cast<long long>(digits.train.count),
              static_cast<long long>(digits.test.count));
  return digits;
}

LoaderOptions loaderOptions(const RunState &run, bool shuffle) {
  return {run.batch, run.seed, shuffle, DIGITS_PIXEL_MEAN, DIGITS_PIXEL_DEVIATION};
}

// The compiled model; destroyed with its owner, and errors are exceptions.
class Model {
public:
  Model(const RunState &run, int32_t threads) : handle(nullptr, digits_destroy) {
    digits_options options = DIGITS_OPTIONS_DEFAULT;
    options.threads = threads;
    options.seed = run.seed;
    options.sizes.batch = run.batch;
    handle.reset(digits_create(&options));
    check(handle ? 0 : 1);
    std::printf("model: compiled for %s, %.1f MiB of memory, %d threads\n", digits_target(handle.get()),
                static_cast<double>(digits_workspace_bytes(&options.sizes, threads)) / (1 << 20), threads);
  }

  float trainStep(const Batch &batch, float rate) {
    float loss = 0;
    check(digits_train_step(handle.get(), batch.size, batch.image.data(), batch.label.data(), rate, &loss));
    return loss;
  }

  // One for each image, in order.
  std::vector<Prediction> predict(const LabelledImages &images, const RunState &run) {
    Loader loader(images, loaderOptions(run, false));
    std::vector<Prediction> result;
    std::vector<float> logits(static_cast<size_t>(run.batch * Digits::classes));
    while (loader.state().epoch == 0) {
      const Batch &batch = loader.next();
      check(digits_forward(handle.get(), batch.size, batch.image.data(), logits.data()));
      for (int64_t i = 0; i < batch.size; ++i) result.push_back(likeliest(logits.data() + i * Digits::classes));
    }
    return result;
  }

  void save(const fs::path &path) { check(digits_save(handle.get(), path.c_str())); }
  void saveCheckpoint(const fs::path &path) { check(digits_save_checkpoint(handle.get(), path.c_str())); }
  void loadCheckpoint(const fs::path &path) { check(digits_load_checkpoint(handle.get(), path.c_str())); }

private:
  void check(int32_t status) const {
    if (status != 0) throw fovea::Error(digits_last_error(handle.get()));
  }

  static Prediction likeliest(const float *logits) {
    const float *best = std::max_element(logits, logits + Digits::classes);
    double sum = 0;
    for (int64_t i = 0; i < Digits::classes; ++i) sum += std::exp(static_cast<double>(logits[i]) - *best);
    return {best - logits, 1 / sum};
  }

  std::unique_ptr<digits, decltype(&digits_destroy)> handle;
};

const std::vector<std::string> lossColumns{"step", "loss", "rate"};
const std::vector<std::string> accuracyColumns{"epoch", "loss", "accuracy"};

// A log of this run: new, or continued with the rows whose first number is `last` at most.
CsvLog openLog(const fs::path &path, const std::vector<std::string> &columns, bool resume, int64_t last) {
  if (!resume) return CsvLog(path, columns);
  std::vector<Row> rows = readCsv(path, columns);
  rows.erase(
      std::remove_if(rows.begin(), rows.end(), [&](const Row &row) { return row[0] > static_cast<double>(last); }),
      rows.end());
  return CsvLog(path, columns, rows);
}

class Training {
public:
  Training(const Options &options, RunState begun)
      : folder(options.out), run(std::move(begun)), data(loadDigits(run)), model(run, options.threads),
        loader(data.train, loaderOptions(run, true)),
        losses(openLog(folder / "loss.csv", lossColumns, options.resume, run.step)),
        accuracies(openLog(folder / "accuracy.csv", accuracyColumns, options.resume, run.loader.epoch)) {
    const int64_t steps = run.epochs * loader.batchesPerEpoch();
    schedule = {run.rate, run.rate / 100, steps / 20, steps};
    if (!options.resume) return;
    model.loadCheckpoint(folder / run.checkpoint);
    loader.restore(run.loader);
    std::printf("continuing after step %lld of %lld\n", static_cast<long long>(run.step),
                static_cast<long long>(steps));
  }

  // False where the user interrupted; then the run is saved at its last step.
  bool toTheEnd() {
    Interrupt interrupt;
    while (run.loader.epoch < run.epochs) {
      const bool finished = restOfEpoch(interrupt);
      if (finished) test();
      saveRun(folder, run, [&](const fs::path &path) { model.saveCheckpoint(path); });
      if (interrupt.requested()) return false;
    }
    return true;
  }

  void writeResults();

  double accuracy() const { return accuracies.rows().back()[2]; }

private:
  // True at the epoch's end, false where the user interrupted before it.
  bool restOfEpoch(const Interrupt &interrupt) {
    const int64_t epoch = run.loader.epoch;
    ProgressBar bar("epoch " + std::to_string(epoch + 1) + "/" + std::to_string(run.epochs), data.train.count,
                    run.loader.position);
    while (run.loader.epoch == epoch && !interrupt.requested()) {
      const double rate = schedule.rate(run.step);
      const float loss = model.trainStep(loader.next(), static_cast<float>(rate));
      run.loader = loader.state();
      losses.append({static_cast<double>(++run.step), loss, rate});
      if (!std::isfinite(loss))
        throw fovea::Error("the loss is no longer finite at step " + std::to_string(run.step) +
                           ": start anew with a lower --rate than " + std::to_string(run.rate));
      bar.update(run.loader.epoch == epoch ? run.loader.position : data.train.count, loss);
    }
    return run.loader.epoch > epoch;
  }

  void test() {
    const std::vector<Prediction> predictions = model.predict(data.test, run);
    int64_t right = 0;
    for (size_t i = 0; i < predictions.size(); ++i) right += predictions[i].label == data.test.labels[i];
    const std::vector<Row> &rows = losses.rows();
    const auto sum = std::accumulate(rows.end() - loader.batchesPerEpoch(), rows.end(), 0.0,
                                     [](double before, const Row &row) { return before + row[1]; });
    const double loss = sum / static_cast<double>(loader.batchesPerEpoch());
    const double percent = 100.0 * static_cast<double>(right) / static_cast<double>(data.test.count);
    accuracies.append({static_cast<double>(run.loader.epoch), loss, percent});
    std::printf("epoch %lld: mean loss %.4f, %.2f %% of the test digits right\n",
                static_cast<long long>(run.loader.epoch), loss, percent);
  }

  void plotLosses(const fs::path &path) const;
  void drawExamples(const fs::path &weights, const fs::path &path);

  fs::path folder;
  RunState run;
  Digits data;
  Model model;
  Loader loader;
  CsvLog losses, accuracies;
  CosineSchedule schedule;
};

void Training::plotLosses(const fs::path &path) const {
  Series all{"each step", {}, {}, {70, 130, 190}, 1, 0.45};
  for (const Row &row : losses.rows()) {
    all.x.push_back(row[0]);
    all.y.push_back(row[1]);
  }
  const double length = std::max(1.0, static_cast<double>(all.y.size()) / 50);
  const Series mean{"smoothed", all.x, smoothed(all.y, length), {200, 60, 40}, 2.5, 1};
  plot({"training loss", "step", "cross entropy (nats)", true}, {all, mean}).save(path);
}

// The first test digit of each class.
LabelledImages oneOfEach(const LabelledImages &images) {
  LabelledImages result;
  for (int64_t label = 0; label < Digits::classes; ++label) {
    const auto found = std::find(images.labels.begin(), images.labels.end(), label);
    if (found == images.labels.end()) continue;
    const uint8_t *image = images.image(found - images.labels.begin());
    result.pixels.insert(result.pixels.end(), image, image + images.rows * images.columns);
    result.labels.push_back(*found);
    ++result.count;
  }
  return result;
}

void Training::drawExamples(const fs::path &weights, const fs::path &path) {
  const LabelledImages digits = oneOfEach(data.test);
  LoaderOptions whole = loaderOptions(run, false);
  whole.batch = digits.count;
  Loader examples(digits, whole);
  drawAttention(weights, digits, examples.next(), model.predict(digits, run), path);
}

void Training::writeResults() {
  const fs::path weights = folder / "digits.safetensors", curve = folder / "loss.png",
                 attention = folder / "attention.png", images = folder / "test-images.idx",
                 labels = folder / "test-labels.idx";
  model.save(weights);
  plotLosses(curve);
  drawExamples(weights, attention);
  const LabelledImages some = firstOf(data.test, 16);
  fovea::formats::writeIdx(images, {{some.count, some.rows, some.columns}, some.pixels});
  fovea::formats::writeIdx(labels, {{some.count}, some.labels});
  for (const fs::path &path :
       {losses.path(), accuracies.path(), curve, folder / run.checkpoint, weights, attention, images, labels})
    std::printf("wrote %s\n", path.c_str());
}

int train(const Options &options, bool epochsGiven) {
  fovea::formats::makeFolder(options.out);
  RunState run = options.resume ? loadRun(options.out) : newRun(options, epochsGiven);
  if (options.resume && !options.run.data.empty()) run.data = options.run.data;
  Training training(options, std::move(run));
  if (!training.toTheEnd()) {
    std::printf("interrupted: saved; continue with --resume --out %s\n", options.out.c_str());
    return interrupted;
  }
  training.writeResults();
  std::printf("test accuracy %.2f\n", training.accuracy());
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0); // in order with the progress on stderr, also in a file
  Options options;
  CLI::App app("Trains a small vision transformer on handwritten digits.");
  declareOptions(app, options);
  try {
    app.parse(argc, argv);
    return train(options, app.count("--epochs") > 0);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? 0 : 1; // prints the help or what is wrong
  } catch (const fovea::Error &error) {
    std::fprintf(stderr, "train: %s\n", error.what());
    return 1;
  }
}
