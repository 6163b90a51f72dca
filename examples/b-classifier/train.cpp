// Trains system B, the classifier that pools positions by attention, and shows where it looks.
#include "model.h"
#include "shapes.h"

#include "common/Files.h"
#include "common/Pixels.h"

#include "common/System.h"
#include "common/Tally.h"

namespace classifier {
namespace {

using namespace systems;
namespace fs = std::filesystem;

constexpr int64_t positions = mapSide * mapSide;
constexpr int64_t quickTrain = 1200, quickTest = 500;

struct Options {
  const CommonOptions &common;
  std::string variant = "clean";
};

const std::map<std::string, Pooling> variants{
    {"clean", Pooling::attention}, {"as-written", Pooling::single}, {"mean", Pooling::mean}};

DataSet load(const CommonOptions &options, std::string &name) {
  name = options.data.empty() ? "coloured shapes, a stand-in for CIFAR-10" : "CIFAR-10 at 32 x 32";
  DataSet data = options.data.empty() ? drawShapes(10000, 2000, 1) : loadCifar10(options.data);
  if (options.quick) data = {data.classes, firstOf(data.train, quickTrain), firstOf(data.test, quickTest)};
  std::printf("data: %s, %lld images to learn from, %lld to test with\n", name.c_str(),
              static_cast<long long>(data.train.count), static_cast<long long>(data.test.count));
  return data;
}

class Classifier {
public:
  Classifier(const Options &options, const DataSet &data)
      : options(options.common), pooling(variants.at(options.variant)), data(data),
        program(compiled(make(pooling), this->options)), loader(data.train, loading(true)),
        logits(static_cast<size_t>(this->options.batch * classes)),
        looks(static_cast<size_t>(this->options.batch * positions)) {}

  Training training() {
    Training training = trainingOf(program, options, data.train.count);
    training.losses = {"loss", "training accuracy"};
    training.metrics = {"test loss", "test accuracy", "test macro F1"};
    training.step = [&](int64_t step, double rate) { return train(step, rate); };
    training.test = [&](int64_t) {
      const Tally tally = test(data.test);
      return Tested{{tally.loss(), tally.accuracy(), tally.macroF1()}};
    };
    return training;
  }

  Tally test(const LabelledImages &images) {
    Tally tally(classes);
    forward(images, [&](const Batch &batch) { tally.add(logits.data(), batch.label, batch.size); });
    return tally;
  }

  struct Prediction {
    int64_t label;
    double probability;
    Map looks; // without rows where there is no attention
  };
  std::vector<Prediction> predict(const LabelledImages &images) {
    std::vector<Prediction> all;
    forward(images, [&](const Batch &batch) {
      for (int64_t i = 0; i < batch.size; ++i) {
        const float *row = logits.data() + i * classes, *map = looks.data() + i * positions;
        const int64_t label = argmax(row, classes);
        all.push_back({label, std::exp(-crossEntropy(row, classes, label)), {}});
        if (pooling != Pooling::mean) all.back().looks = {mapSide, mapSide, {map, map + positions}};
      }
    });
    return all;
  }

  void save(const fs::path &weights) { program.save(weights); }

private:
  LoaderOptions loading(bool shuffle) const {
    return {options.batch,
            options.seed,
            shuffle,
            {std::begin(pixels::cifarMean), std::end(pixels::cifarMean)},
            {std::begin(pixels::cifarDeviation), std::end(pixels::cifarDeviation)}};
  }

  std::vector<double> train(int64_t step, double rate) {
    const Batch &batch = loader.at(step);
    float loss = 0;
    program.train_step(batch.size, batch.image, batch.label, rate, &loss, logits);
    Tally tally(classes);
    tally.add(logits.data(), batch.label, batch.size);
    return {loss, tally.accuracy()};
  }

  template <typename Function> void forward(const LabelledImages &images, Function after) {
    Loader all(images, loading(false));
    for (int64_t step = 0; step < all.batchesPerEpoch(); ++step) {
      const Batch &batch = all.at(step);
      if (pooling == Pooling::mean)
        program.forward(batch.size, batch.image, logits);
      else
        program.forward(batch.size, batch.image, logits, looks);
      after(batch);
    }
  }

  const CommonOptions &options;
  const Pooling pooling;
  const DataSet &data;
  fovea::Program program;
  Loader loader;
  std::vector<float> logits, looks; // of the last batch
};

// How many positions are looked at, as many as would be with equal weights: e to the entropy.
double breadth(const Map &map) {
  double entropy = 0;
  for (float weight : map.values)
    if (weight > 0) entropy -= weight * std::log(static_cast<double>(weight));
  return std::exp(entropy);
}

Cell mapCell(const Picture &image, const Map &map) {
  const auto [least, most] = std::minmax_element(map.values.begin(), map.values.end());
  char caption[32];
  if (*least == *most)
    std::snprintf(caption, sizeof caption, "each is %g", *most);
  else
    std::snprintf(caption, sizeof caption, "%.0f of %.0f", breadth(map), static_cast<double>(positions));
  return {overlay(image, map, 0, *most, 0.6, ColourMap::viridis), caption};
}

// Three test images of each class; beside each what the classifier looks at: dark where nothing, bright where the most
// of this image.
Picture figureOf(Classifier &classifier, const DataSet &data, Pooling pooling) {
  constexpr int64_t perClass = 3, cell = 120;
  const LabelledImages images = chosen(data.test, firstOfEach(data.test, classes, perClass));
  const std::vector<Classifier::Prediction> predictions = classifier.predict(images);
  std::vector<std::string> headings;
  std::vector<std::vector<Cell>> rows;
  for (int64_t i = 0; i < images.count; ++i) {
    if (i == 0 || images.labels[static_cast<size_t>(i)] != images.labels[static_cast<size_t>(i - 1)])
      rows.emplace_back();
    const auto &[label, probability, looks] = predictions[static_cast<size_t>(i)];
    const Picture image = Picture(images.image(i), 3, side, side).scaled(cell, cell);
    const bool right = label == images.labels[static_cast<size_t>(i)];
    rows.back().push_back({image, data.classes[static_cast<size_t>(label)] + (right ? "" : " (wrong)")});
    if (looks.rows > 0) rows.back().push_back(mapCell(image, looks));
  }
  for (int64_t i = 0; i < perClass; ++i) {
    headings.push_back("predicted");
    if (pooling != Pooling::mean) headings.push_back("looks at");
  }
  return grid(headings, rows, 10, 1);
}

// A few images, and what the deployed program must say of them.
void writeInputs(Classifier &classifier, const DataSet &data, const fs::path &folder) {
  const LabelledImages images = firstOf(data.test, 16);
  writeImages(folder / "inputs.npy", images);
  std::string lines;
  for (const Classifier::Prediction &prediction : classifier.predict(images)) {
    lines += "item " + std::to_string(std::count(lines.begin(), lines.end(), '\n')) + ": class " +
             std::to_string(prediction.label);
    if (prediction.looks.rows > 0) {
      const int64_t most = argmax(prediction.looks.values.data(), positions);
      lines += ", looks at row " + std::to_string(most / mapSide) + ", column " + std::to_string(most % mapSide);
    }
    lines += "\n";
  }
  fovea::formats::writeFile(folder / "predictions.txt", lines);
}

void writeResults(Run &run, Classifier &classifier, const DataSet &data, const std::string &name, Pooling pooling) {
  const fs::path &folder = run.folder();
  classifier.save(folder / "classifier.safetensors");
  const Picture figure = figureOf(classifier, data, pooling),
                accuracy = metricCurves(run, "accuracy (%)", {"training", "test", "test macro F1"}, {2, 4, 5}),
                losses = metricCurves(run, "cross entropy (nats)", {"training", "test"}, {1, 3});
  lossCurve(run).save(folder / "loss.png");
  accuracy.save(folder / "accuracy.png");
  figure.save(folder / "figure.png");
  run.events().picture(run.step(), "looks", figure);

  Page page = pageOf(run, "B: attention image classifier");
  page.picture(losses, "The loss of each epoch");
  page.picture(accuracy, "Accuracy and macro F1 of each epoch");
  page.heading("Where it looks");
  page.note("Data: " + name +
            ". The map of 8 x 8 positions is laid over the image: dark where the weight is 0, bright "
            "where it is the largest of the image. Below it, how many of the 64 positions are looked at: e to the "
            "entropy of the weights.");
  page.picture(figure, "Test images, three of each class");
  page.save(folder / "run.html");

  const Tally train = classifier.test(data.train), test = classifier.test(data.test);
  writeResult(run, name, make(pooling).trained_parameters(),
              {{"training accuracy", train.accuracy()},
               {"test accuracy", test.accuracy()},
               {"test macro F1", test.macroF1()},
               {"training loss", train.loss()},
               {"test loss", test.loss()}});
  writeInputs(classifier, data, folder);
  std::printf("wrote %s\n", folder.c_str());
  std::printf("test macro F1 %.2f\ntest accuracy %.2f\n", test.macroF1(), test.accuracy());
}

bool train(const CommandLine &line, const Options &options) {
  std::string name;
  const DataSet data = load(options.common, name);
  Classifier classifier(options, data);
  Run run(options.common.out, line.settings(), line.begun(), classifier.training());
  if (!run.train()) return false;
  writeResults(run, classifier, data, name, variants.at(options.variant));
  return true;
}

} // namespace
} // namespace classifier

int main(int argc, char **argv) {
  fovea::training::CommandLineDefaults defaults;
  defaults.purpose = "Trains system B, an image classifier that pools positions by attention.";
  defaults.out = "out/b-classifier";
  defaults.data = "cifar10";
  defaults.dataHelp = "folder with CIFAR-10's binary files (default: $FOVEA_DATA/cifar10, else drawn shapes)";
  defaults.epochs = 20;
  defaults.quickEpochs = 2;
  fovea::training::CommandLine line(defaults);
  classifier::Options options{line.options};
  line.add("--variant", &options.variant, "clean, as written (every weight is 1) or mean (no attention)")
      ->check(CLI::IsMember(classifier::variants));
  return line.run(argc, argv, [&] { return classifier::train(line, options); });
}
