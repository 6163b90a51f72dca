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
#include "training/CommandLine.h"
#include "training/DrawnDigits.h"
#include "training/Loader.h"
#include "training/Report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

using namespace fovea::training;
namespace fs = std::filesystem;

namespace {

// A short run: this many images and epochs are enough for some 90 %.
constexpr int64_t quickTrain = 12000, quickTest = 2000, quickEpochs = 3;

DataSet loadDigits(const CommonOptions &options) {
  if (options.data.empty())
    std::printf("data: digits drawn by a procedure (--data or FOVEA_DATA name a folder with MNIST)\n");
  else
    std::printf("data: MNIST from %s\n", options.data.c_str());
  DataSet digits = options.data.empty() ? drawDigits(12000, 2000, 1) : loadMnist(options.data);
  if (options.quick) digits = {digits.classes, firstOf(digits.train, quickTrain), firstOf(digits.test, quickTest)};
  std::printf("%lld images to learn from, %lld to test with\n", static_cast<long long>(digits.train.count),
              static_cast<long long>(digits.test.count));
  return digits;
}

LoaderOptions loaderOptions(const CommonOptions &options, bool shuffle) {
  return {options.batch, options.seed, shuffle, {DIGITS_PIXEL_MEAN}, {DIGITS_PIXEL_DEVIATION}};
}

// The compiled model; destroyed with its owner, and errors are exceptions.
class Model {
public:
  explicit Model(const CommonOptions &common) : handle(nullptr, digits_destroy) {
    digits_options options = DIGITS_OPTIONS_DEFAULT;
    options.threads = static_cast<int32_t>(common.threads);
    if (!common.target.empty()) options.target = common.target.c_str();
    options.seed = common.seed;
    options.sizes.batch = common.batch;
    handle.reset(digits_create(&options));
    check(handle ? 0 : 1);
    std::printf("model: compiled for %s, %.1f MiB of memory, %d threads\n", digits_target(handle.get()),
                static_cast<double>(digits_workspace_bytes(&options.sizes, options.threads)) / (1 << 20),
                options.threads);
  }

  double trainStep(const Batch &batch, double rate) {
    float loss = 0;
    check(digits_train_step(handle.get(), batch.size, batch.image.data(), batch.label.data(), static_cast<float>(rate),
                            &loss));
    return loss;
  }

  // One for each image, in order.
  std::vector<Prediction> predict(const LabelledImages &images, const CommonOptions &options) {
    Loader loader(images, loaderOptions(options, false));
    std::vector<Prediction> result;
    std::vector<float> logits(static_cast<size_t>(options.batch * digitClasses));
    for (int64_t step = 0; step < loader.batchesPerEpoch(); ++step) {
      const Batch &batch = loader.at(step);
      check(digits_forward(handle.get(), batch.size, batch.image.data(), logits.data()));
      for (int64_t i = 0; i < batch.size; ++i) result.push_back(likeliest(logits.data() + i * digitClasses));
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
    const float *best = std::max_element(logits, logits + digitClasses);
    double sum = 0;
    for (int64_t i = 0; i < digitClasses; ++i) sum += std::exp(static_cast<double>(logits[i]) - *best);
    return {best - logits, 1 / sum};
  }

  std::unique_ptr<digits, decltype(&digits_destroy)> handle;
};

Tested test(Model &model, const LabelledImages &images, const CommonOptions &options) {
  const std::vector<Prediction> predictions = model.predict(images, options);
  int64_t right = 0;
  for (size_t i = 0; i < predictions.size(); ++i) right += predictions[i].label == images.labels[i];
  const double percent = 100.0 * static_cast<double>(right) / static_cast<double>(images.count);
  char text[64];
  std::snprintf(text, sizeof text, "%.2f %% of the test digits right", percent);
  return {{percent}, text};
}

Training trainingOf(Model &model, Loader &loader, const DataSet &data, const CommonOptions &options) {
  const int64_t steps = options.epochs * loader.batchesPerEpoch(), warmup = steps / 20;
  Training training;
  training.items = data.train.count;
  training.batch = options.batch;
  training.epochs = options.epochs;
  training.metrics = {"accuracy"};
  training.metricsFile = "accuracy.csv";
  training.rate = warmedUp(warmup, cosineSchedule(options.rate, options.rate / 100, steps - warmup));
  training.step = [&](int64_t step, double rate) { return std::vector{model.trainStep(loader.at(step), rate)}; };
  training.test = [&](int64_t) { return test(model, data.test, options); };
  training.saveCheckpoint = [&](const fs::path &path) { model.saveCheckpoint(path); };
  training.loadCheckpoint = [&](const fs::path &path) { model.loadCheckpoint(path); };
  return training;
}

// The first test digit of each class.
LabelledImages oneOfEach(const LabelledImages &images) {
  LabelledImages result;
  for (int32_t label = 0; label < digitClasses; ++label) {
    const auto found = std::find(images.labels.begin(), images.labels.end(), label);
    if (found == images.labels.end()) continue;
    const uint8_t *image = images.image(found - images.labels.begin());
    result.pixels.insert(result.pixels.end(), image, image + images.size());
    result.labels.push_back(label);
    ++result.count;
  }
  return result;
}

Picture pictureOfExamples(Model &model, const fs::path &weights, const LabelledImages &test,
                          const CommonOptions &options) {
  const LabelledImages digits = oneOfEach(test);
  LoaderOptions whole = loaderOptions(options, false);
  whole.batch = digits.count;
  Loader examples(digits, whole);
  return pictureOfAttention(weights, digits, examples.at(0), model.predict(digits, options));
}

void writeResults(Run &run, Model &model, const LabelledImages &test, const CommonOptions &options) {
  const fs::path &folder = run.folder();
  const fs::path weights = folder / "digits.safetensors", curve = folder / "loss.png",
                 attention = folder / "attention.png", page = folder / "run.html", images = folder / "test-images.idx",
                 labels = folder / "test-labels.idx";
  model.save(weights);
  lossCurve(run).save(curve);
  const Picture looks = pictureOfExamples(model, weights, test, options);
  looks.save(attention);
  Page report = pageOf(run, "Handwritten digits");
  report.heading("Attention");
  report.picture(looks, "What each layer, each head of the last layer, and all layers together attend to");
  report.save(page);
  const LabelledImages some = firstOf(test, 16);
  fovea::formats::writeIdx(images, {{some.count, some.rows, some.columns}, some.pixels});
  fovea::formats::writeIdx(labels, {{some.count}, {some.labels.begin(), some.labels.end()}});
  for (const fs::path &path : {run.losses().path(), run.metrics().path(), run.events().path(), curve, run.checkpoint(),
                               weights, attention, page, images, labels})
    std::printf("wrote %s\n", path.c_str());
}

bool train(const CommandLine &line) {
  const CommonOptions &options = line.options;
  const DataSet data = loadDigits(options);
  Model model(options);
  Loader loader(data.train, loaderOptions(options, true));
  Run run(options.out, line.settings(), line.begun(), trainingOf(model, loader, data, options));
  if (!run.train()) return false;
  writeResults(run, model, data.test, options);
  std::printf("test accuracy %.2f\n", run.metrics().rows().back()[2]);
  return true;
}

} // namespace

int main(int argc, char **argv) {
  CommandLineDefaults defaults;
  defaults.purpose = "Trains a small vision transformer on handwritten digits.";
  defaults.out = "out/mnist";
  defaults.data = "mnist";
  defaults.dataHelp = "folder with MNIST's four files (default: $FOVEA_DATA/mnist, else drawn)";
  defaults.epochs = 8;
  defaults.quickEpochs = quickEpochs;
  defaults.rate = 3e-3;
  CommandLine line(defaults);
  return line.run(argc, argv, [&] { return train(line); });
}
