// Trains a net to say whether there is a white patch in an image, and shows where its attention layer looks.
//
//   train --quick                       a short run
//   train --variant cbam-spatial        or cnn, mha, mha-runs, conv1d-mha, cbam
//   train --seeding as-written          labels and places repeat in every batch, as in the article's code
//   train --data FOLDER                 with the binary files of STL-10, or of CIFAR-10 as a stand-in
#include "common/System.h"
#include "figure.h"
#include "model.h"

#include "formats/Npy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

using namespace systems;
using namespace white_patch;
namespace fs = std::filesystem;

namespace {

constexpr int64_t patchRows = 4, plainRows = 2; // of the figure
constexpr int64_t deployed = 8;                 // images that are left for deploy
constexpr double quickFaster = 20;              // how much higher the rate of a quick run is

const std::map<std::string, Layer> variants{{"cnn", Layer::none},          {"mha", Layer::mha},
                                            {"mha-runs", Layer::mha_runs}, {"conv1d-mha", Layer::conv1d_mha},
                                            {"cbam", Layer::cbam},         {"cbam-spatial", Layer::cbam_spatial}};
const std::map<std::string, Seeding> seedings{{"clean", Seeding::clean}, {"as-written", Seeding::as_written}};

struct Choice {
  std::string variant = "cbam-spatial", seeding = "clean";
};

/// What a run has of a test: figures over all of it, and images to look at.
struct Outcome {
  double loss = 0; // the mean of the batches' losses
  ConfusionMatrix confusion{2};
  PatchEnergy energy;
  std::vector<Seen> looks;
};

/// The loss as the model has it, of a batch.
double lossOf(const std::vector<float> &probability, const std::vector<float> &label) {
  double sum = 0;
  for (size_t i = 0; i < label.size(); ++i)
    sum -= std::log(static_cast<double>((label[i] > 0 ? probability[i] : 1 - probability[i]) + 1e-8f));
  return sum / static_cast<double>(label.size());
}

class Trainer {
public:
  Trainer(const CommandLine &line, const Choice &choice)
      : line(line), choice(choice), net(model(variants.at(choice.variant))), data(imagesOf(line.options, dataName)),
        program(compiled(net, line.options)), trainLoader(data.train, options().batch, seedings.at(choice.seeding), 0),
        testImages(firstOf(data.test, wholeBatches(data.test.count))),
        testLoader(testImages, options().batch, seedings.at(choice.seeding), data.train.count) {}

  bool train() {
    Training training = trainingOf(program, options(), data.train.count);
    if (options().quick) training.rate = constantSchedule(quickFaster * options().rate);
    training.metrics = {"test_loss", "accuracy", "f1"};
    training.step = [&](int64_t step, double rate) {
      const PatchBatch &batch = trainLoader.at(step);
      float loss = 0;
      program.train_step(batch.size, batch.image, batch.label, rate, &loss);
      return std::vector<double>{loss};
    };
    training.test = [&](int64_t) {
      const Outcome outcome = test();
      return Tested{{outcome.loss, 100 * outcome.confusion.accuracy(), 100 * outcome.confusion.macroF1()}};
    };
    Run run(options().out, line.settings(), line.begun(), training);
    if (!run.train()) return false;
    write(run, test());
    return true;
  }

private:
  const CommonOptions &options() const { return line.options; }

  /// The article leaves out the test images that do not fill a batch: 1000 make 31 batches of 32.
  int64_t wholeBatches(int64_t count) const { return count - (count > options().batch ? count % options().batch : 0); }

  Outcome test() {
    Outcome outcome;
    int64_t looked[2] = {0, 0};
    for (int64_t step = 0; step < testLoader.batchesPerEpoch(); ++step) {
      const PatchBatch &batch = testLoader.at(step);
      std::vector<float> probability(static_cast<size_t>(batch.size));
      std::vector<float> seen(static_cast<size_t>(batch.size * mapSize));
      program.forward(batch.size, batch.image, probability, seen);
      outcome.loss += lossOf(probability, batch.label) / static_cast<double>(testLoader.batchesPerEpoch());
      for (int64_t i = 0; i < batch.size; ++i) {
        const auto at = static_cast<size_t>(i);
        const Patch &patch = batch.patch[at];
        const float *map = seen.data() + i * mapSize, *image = batch.image.data() + i * imageSize;
        outcome.confusion.add(patch.present, probability[at] > 0.5f);
        outcome.energy.add(map, patch);
        if (++looked[patch.present] <= (patch.present ? patchRows : plainRows))
          outcome.looks.push_back({{image, image + imageSize}, patch, probability[at], {map, map + mapSize}});
      }
    }
    return outcome;
  }

  void write(Run &run, const Outcome &outcome) {
    const fs::path &folder = run.folder();
    program.save(folder / "white_patch.safetensors");
    const Picture curves = curvesOf(run, choice.variant), figure = figureOf(curves, outcome.looks);
    lossCurve(run, "training loss", "binary cross entropy (nats)").save(folder / "loss.png");
    curves.save(folder / "curves.png");
    figure.save(folder / "figure.png");
    run.events().picture(run.step(), "attention layer", figure);
    writePage(run, figure, outcome);
    writeImages(folder);
    const double accuracy = 100 * outcome.confusion.accuracy();
    writeResult(run, dataName, net.trained_parameters(),
                {{"min_train_loss", smallest(run, 1)},
                 {"min_test_loss", smallest(run, 2)},
                 {"accuracy", accuracy},
                 {"macro_f1", 100 * outcome.confusion.macroF1()},
                 {"energy_ratio", outcome.energy.energyRatio()},
                 {"contrast_ratio", outcome.energy.contrastRatio()}});
    std::printf("inside the patch over outside: energy %.3f, contrast %.3f\n", outcome.energy.energyRatio(),
                outcome.energy.contrastRatio());
    std::printf("wrote figure.png, curves.png, loss.png, run.html, result.json, inputs.npy, white_patch.safetensors in "
                "%s\ntest accuracy %.2f\n",
                folder.c_str(), accuracy);
  }

  static double smallest(const Run &run, size_t column) {
    double least = std::numeric_limits<double>::infinity();
    for (const Row &row : run.metrics().rows()) least = std::min(least, row[column]);
    return least;
  }

  void writePage(const Run &run, const Picture &figure, const Outcome &outcome) {
    Page page = pageOf(run, "White-patch classification: " + choice.variant);
    page.note("Data: " + dataName + ". Seeding: " + choice.seeding +
              (seedings.at(choice.seeding) == Seeding::clean
                   ? ", by each image's index."
                   : ", by the index inside the batch: labels and places are the same in "
                     "every batch, of training and of test."));
    page.heading("Where it looks");
    char numbers[160];
    std::snprintf(
        numbers, sizeof numbers,
        "Inside the patch over outside, over all test images with a patch: energy %.3f, contrast %.3f (energy "
        "of what differs from the channel's mean over the image).",
        outcome.energy.energyRatio(), outcome.energy.contrastRatio());
    page.note(numbers);
    page.picture(figure,
                 "Test images as 0.5 x + 0.5, output channels 1 to 3 of the attention layer, and its energy with "
                 "the patch outlined");
    page.save(run.folder() / "run.html");
  }

  /// Inputs of deploy, as the net takes them, and what it must print of them.
  void writeImages(const fs::path &folder) {
    const PatchBatch &batch = testLoader.at(0);
    const int64_t count = std::min(deployed, batch.size);
    std::vector<float> probability(static_cast<size_t>(count)), seen(static_cast<size_t>(count * mapSize));
    program.forward(count, batch.image, probability, seen);
    fovea::formats::NpyArray images{FOVEA_F32, {count, 3, side, side}, {}};
    images.values.resize(static_cast<size_t>(count * imageSize) * sizeof(float));
    std::memcpy(images.values.data(), batch.image.data(), images.values.size());
    fovea::formats::writeNpy(folder / "inputs.npy", images);
    std::string lines;
    for (int64_t i = 0; i < count; ++i) {
      const float p = probability[static_cast<size_t>(i)];
      char text[64];
      std::snprintf(text, sizeof text, "item %lld: %s, p %.4f\n", static_cast<long long>(i),
                    p > 0.5f ? "patch" : "none", static_cast<double>(p));
      lines += text;
    }
    fovea::formats::writeFile(folder / "predictions.txt", lines);
  }

  static constexpr int64_t imageSize = 3 * side * side, mapSize = channels * mapSide * mapSide;

  const CommandLine &line;
  const Choice choice;
  const fovea::Model net;
  std::string dataName;
  const DataSet data;
  fovea::Program program;
  PatchLoader trainLoader;
  const LabelledImages testImages;
  PatchLoader testLoader;
};

} // namespace

int main(int argc, char **argv) {
  CommandLineDefaults defaults;
  defaults.purpose = "Trains a net that says whether there is a white patch in an image.";
  defaults.out = "out/white-patch";
  defaults.data = "cifar10";
  defaults.dataHelp =
      "folder with the binary files of STL-10 or CIFAR-10 (default: $FOVEA_DATA/cifar10, else textures)";
  defaults.epochs = 50;
  defaults.quickEpochs = 3;
  defaults.batch = 32;
  defaults.rate = 1e-4;
  CommandLine line(defaults);
  Choice choice;
  line.add("--variant", &choice.variant, "the attention layer")->check(CLI::IsMember(variants));
  line.add("--seeding", &choice.seeding, "as-written: labels and places repeat in every batch")
      ->check(CLI::IsMember(seedings));
  return line.run(argc, argv, [&] { return Trainer(line, choice).train(); });
}
