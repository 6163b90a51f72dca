// System E: trains a narrow ResNet with self-attention on small images, and draws where each of its stages looks.
//
//   train [--variant full | no-loss | none | as-written] [--width N] [--blocks N] [--quick] [--seed N] [--out FOLDER]
//   train --large                  compiles ResNet-101 for images of 224 x 224 instead, and says what its steps take
#include "model.h"

#include "b-classifier/shapes.h"

#include "common/Files.h"
#include "common/Pixels.h"
#include "common/System.h"
#include "common/Tally.h"

#include <map>

namespace resnet {
namespace {

using namespace systems;
namespace fs = std::filesystem;

constexpr int64_t quickTrain = 1600, quickTest = 400;

const std::map<std::string, Options> variants{{"full", {}},
                                              {"no-loss", {.attention_loss = false}},
                                              {"none", {.attention = false}},
                                              {"as-written", {.single = true}}};

struct Chosen {
  const CommonOptions &common;
  std::string variant = "full";
  int64_t width = narrow.width, blocks = narrow.blocks[0];
  bool large = false;

  Form form() const {
    if (width < 1 || blocks < 1) throw fovea::Error("--width and --blocks must be at least 1");
    Form form = narrow;
    form.width = width;
    form.blocks = {blocks, blocks, blocks, blocks};
    return form;
  }
  Options options() const { return variants.at(variant); }
};

DataSet load(const CommonOptions &options, std::string &name) {
  name = options.data.empty() ? "coloured shapes, a stand-in for CIFAR-10" : "CIFAR-10";
  name += ", resized to " + std::to_string(narrow.side) + " x " + std::to_string(narrow.side);
  DataSet data = options.data.empty() ? classifier::drawShapes(10000, 2000, 1) : loadCifar10(options.data);
  if (options.quick) data = {data.classes, firstOf(data.train, quickTrain), firstOf(data.test, quickTest)};
  std::printf("data: %s, %lld images to learn from, %lld to test with\n", name.c_str(), (long long)data.train.count,
              (long long)data.test.count);
  return data;
}

/// The compiled net, its data, and what it says of images.
class Net {
public:
  Net(const Chosen &chosen, const DataSet &data)
      : options(chosen.common), form(chosen.form()), attention(chosen.options().attention), data(data),
        program(compiled(make("resnet", form, chosen.options()), options)), loader(data.train, loading(true)),
        logits(size_t(options.batch * form.classes)) {
    if (!attention) return;
    for (int64_t stage = 0; stage < stages; ++stage) addMap(stage);
    addMap(stages - 1); // of the pool
  }

  Training training() {
    Training training = trainingOf(program, options, data.train.count);
    training.losses = {"loss", "training accuracy"};
    training.metrics = {"test loss", "test accuracy", "test macro F1"};
    training.rate = cosineSchedule(options.rate, options.rate / 100, options.epochs * loader.batchesPerEpoch());
    training.step = [&](int64_t step, double rate) { return train(step, rate); };
    training.test = [&](int64_t) {
      const Tally tally = test();
      return Tested{{tally.loss(), tally.accuracy(), tally.macroF1()}};
    };
    return training;
  }

  Tally test() {
    Tally tally(form.classes);
    forward(data.test, [&](const Batch &batch) { tally.add(logits.data(), batch.label, batch.size); });
    return tally;
  }

  struct Prediction {
    int64_t label;
    std::vector<Map> maps; // of the stages, then of the pool; none without attention
  };
  std::vector<Prediction> predict(const LabelledImages &images) {
    std::vector<Prediction> all;
    forward(images, [&](const Batch &batch) {
      for (int64_t i = 0; i < batch.size; ++i) {
        all.push_back({argmax(&logits[size_t(i * form.classes)], form.classes), {}});
        for (const Map &map : maps) {
          const float *own = map.values.data() + i * map.rows * map.columns;
          all.back().maps.push_back({map.rows, map.columns, {own, own + map.rows * map.columns}});
        }
      }
    });
    return all;
  }

  void save(const fs::path &weights) { program.save(weights.string()); }

private:
  void addMap(int64_t stage) {
    const int64_t side = sideOf(form, stage);
    maps.push_back({side, side, std::vector<float>(size_t(options.batch * side * side))});
  }

  LoaderOptions loading(bool training) const {
    LoaderOptions loading{options.batch,
                          options.seed,
                          training,
                          {std::begin(pixels::cifarMean), std::end(pixels::cifarMean)},
                          {std::begin(pixels::cifarDeviation), std::end(pixels::cifarDeviation)}};
    if (training) loading.augmentation = {.padding = 4, .flip = true};
    return loading;
  }

  std::vector<double> train(int64_t step, double rate) {
    const Batch &batch = loader.at(step);
    float loss = 0;
    program.train_step(batch.size, batch.image, batch.label, rate, &loss, logits);
    Tally tally(form.classes);
    tally.add(logits.data(), batch.label, batch.size);
    return {loss, tally.accuracy()};
  }

  template <typename Function> void forward(const LabelledImages &images, Function after) {
    Loader all(images, loading(false));
    for (int64_t step = 0; step < all.batchesPerEpoch(); ++step) {
      const Batch &batch = all.at(step);
      std::vector<fovea::Program::Argument> arguments{batch.size, batch.image, logits};
      for (Map &map : maps) arguments.emplace_back(map.values);
      program.call("forward", arguments);
      after(batch);
    }
  }

  const CommonOptions &options;
  const Form form;
  const bool attention;
  const DataSet &data;
  fovea::Program program;
  Loader loader;
  std::vector<float> logits; // of the last batch, as the maps
  std::vector<Map> maps;
};

/// A test image of each class, where each stage looks, and what the pool takes: dark where least, bright where most.
/// The caption has the largest weight over the mean one.
Picture figureOf(Net &net, const DataSet &data) {
  constexpr int64_t cell = 128;
  const LabelledImages images = chosen(data.test, firstOfEach(data.test, int64_t(data.classes.size()), 1));
  const std::vector<Net::Prediction> predictions = net.predict(images);
  std::vector<std::string> headings{"predicted"};
  std::vector<std::vector<Cell>> rows;
  for (int64_t i = 0; i < images.count; ++i) {
    const auto &[label, maps] = predictions[size_t(i)];
    const Picture image = Picture(images.image(i), 3, images.rows, images.columns).scaled(cell, cell);
    rows.push_back({{image, data.classes[size_t(label)] + (label == images.labels[size_t(i)] ? "" : " (wrong)")}});
    for (const Map &map : maps) {
      const auto [least, most] = std::minmax_element(map.values.begin(), map.values.end());
      char caption[32];
      std::snprintf(caption, sizeof caption, "%.1f x the mean", double(*most) * double(map.values.size()));
      // As written, all weights are 1.
      rows.back().push_back({overlay(image, map, *least, std::max(*most, *least + 1e-6f), 0.6, ColourMap::viridis),
                             *least == 1 && *most == 1 ? "each is 1" : caption});
    }
  }
  for (size_t stage = 1; stage < rows[0].size(); ++stage)
    headings.push_back(stage <= stages ? "stage " + std::to_string(stage) : "pool");
  return grid(headings, rows, 10, 1);
}

/// A few images, and what the deployed program must say of them.
void writeForDeployment(Net &net, const DataSet &data, const fs::path &folder) {
  const LabelledImages images = firstOf(data.test, 16);
  writeImages(folder / "inputs.npy", images);
  std::string lines;
  int64_t item = 0;
  for (const auto &[label, maps] : net.predict(images)) {
    lines += "item " + std::to_string(item++) + ": class " + std::to_string(label);
    for (const Map &map : maps) {
      const int64_t place = argmax(map.values.data(), map.rows * map.columns);
      lines += " (" + std::to_string(place / map.columns) + ", " + std::to_string(place % map.columns) + ")";
    }
    lines += "\n";
  }
  fovea::formats::writeFile(folder / "predictions.txt", lines);
}

void writeResults(Run &run, Net &net, const DataSet &data, const std::string &name, const Chosen &chosen) {
  const fs::path &folder = run.folder();
  const fs::path weights = folder / "resnet.safetensors";
  net.save(weights);
  const Picture figure = figureOf(net, data),
                accuracy = metricCurves(run, "accuracy (%)", {"training", "test", "test macro F1"}, {2, 4, 5});
  lossCurve(run, "training loss", "loss").save(folder / "loss.png");
  accuracy.save(folder / "accuracy.png");
  figure.save(folder / "figure.png");
  run.events().picture(run.step(), "maps", figure);

  Page page = pageOf(run, "E: ResNet with self-attention, variant " + chosen.variant);
  page.picture(accuracy, "Accuracy and macro F1 of each epoch; training is on images that are moved and mirrored");
  page.heading("Where each stage looks");
  page.note("Data: " + name +
            ". Each map is laid over the image, dark at its smallest weight and bright at its largest; below it, the "
            "largest weight as a multiple of the mean one.");
  page.picture(figure, "Test images, one of each class");
  page.save(folder / "run.html");

  const Tally test = net.test();
  writeResult(run, name, make("resnet", chosen.form(), chosen.options()).trained_parameters(),
              {{"test accuracy", test.accuracy()}, {"test macro F1", test.macroF1()}, {"test loss", test.loss()}});
  writeForDeployment(net, data, folder);
  std::printf("wrote %s, %s\n", (folder / "run.html").c_str(), (folder / "figure.png").c_str());
  std::printf("test macro F1 %.2f\ntest accuracy %.2f\n", test.macroF1(), test.accuracy());
}

bool train(const CommandLine &line, const Chosen &chosen) {
  std::string name;
  const DataSet data = load(chosen.common, name);
  Net net(chosen, data);
  Run run(chosen.common.out, line.settings(), line.begun(), net.training());
  if (!run.train()) return false;
  writeResults(run, net, data, name, chosen);
  return true;
}

/// Compiles the article's form and times a few steps on noise.
bool stepLarge(const Chosen &chosen) {
  const int64_t batch = chosen.common.batch;
  fovea::Program program = compiled(make("resnet101", large, chosen.options()), chosen.common);
  Random random(chosen.common.seed);
  std::vector<float> image(size_t(batch * 3 * large.image * large.image)), logits(size_t(batch * large.classes));
  std::vector<int32_t> label(static_cast<size_t>(batch));
  for (float &pixel : image) pixel = float(random.normal());
  for (int32_t &each : label) each = int32_t(random.below(uint64_t(large.classes)));
  for (int step = 0; step < 3; ++step) {
    float loss = 0;
    const auto begin = std::chrono::steady_clock::now();
    program.train_step(batch, image, label, chosen.common.rate, &loss, logits);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::printf("step %d of %lld images: loss %.4f, %.2f s\n", step, (long long)batch, double(loss), seconds.count());
  }
  return true;
}

} // namespace
} // namespace resnet

int main(int argc, char **argv) {
  fovea::training::CommandLineDefaults defaults;
  defaults.purpose = "Trains system E, a ResNet with self-attention after its stages.";
  defaults.out = "out/e-resnet";
  defaults.data = "cifar10";
  defaults.dataHelp = "folder with CIFAR-10's binary files (default: $FOVEA_DATA/cifar10, else drawn shapes)";
  defaults.epochs = 30;
  defaults.quickEpochs = 2;
  fovea::training::CommandLine line(defaults);
  resnet::Chosen chosen{line.options};
  line.add("--variant", &chosen.variant,
           "without attention's loss, without attention, or with all weights 1 as written")
      ->check(CLI::IsMember(resnet::variants));
  line.add("--width", &chosen.width, "channels of the first stage's inner convolutions");
  line.add("--blocks", &chosen.blocks, "of each stage");
  line.add("--large", &chosen.large, "only time steps of ResNet-101 at 224 x 224; give a small --batch");
  return line.run(argc, argv, [&] { return chosen.large ? resnet::stepLarge(chosen) : resnet::train(line, chosen); });
}
