// Trains retrieval by attention on handwritten digits, and shows what is found.
//
//   train --quick                       a short run
//   train --variant clean               heads of 32; or as-written, heads of 512, or none, without attention
//   train --data FOLDER                 with MNIST's four files
#include "figure.h"
#include "searcher.h"

#include "common/Pixels.h"
#include "common/System.h"

#include "formats/Npy.h"

#include <map>

using namespace systems;
using namespace retrieval;
namespace fs = std::filesystem;

namespace {

constexpr int64_t quickTrain = 2048, quickTest = 300;
constexpr int64_t deployed = 16;  // queries that are left for deploy
constexpr double quickFaster = 2; // how much higher the rate of a quick run is

const std::map<std::string, Options> variants{
    {"clean", {}}, {"as-written", {.wide = true}}, {"none", {.attention = false}}};

DataSet load(const CommonOptions &options, std::string &name) {
  const DataSet data = digitsOf(options, name);
  if (!options.quick) return data;
  return {data.classes, firstOf(data.train, quickTrain), firstOf(data.test, quickTest)};
}

/// The first images of each class, as many of each.
LabelledImages firstOfClasses(const LabelledImages &images, int64_t each) {
  LabelledImages result{0, images.channels, images.rows, images.columns, {}, {}};
  for (int32_t label = 0; label < classes; ++label)
    for (int64_t i = 0, found = 0; i < images.count && found < each; ++i) {
      if (images.labels[static_cast<size_t>(i)] != label) continue;
      result.pixels.insert(result.pixels.end(), images.image(i), images.image(i) + images.size());
      result.labels.push_back(label);
      ++result.count, ++found;
    }
  if (result.count != each * classes)
    throw fovea::Error("the training images hold fewer than " + std::to_string(each) +
                       " of some digit, which the gallery needs: give the whole of the data set");
  return result;
}

class Trainer {
public:
  Trainer(const CommandLine &line, const std::string &variant)
      : line(line), options(variants.at(variant)), data(load(line.options, dataName)),
        gallery(firstOfClasses(data.train, gallerySize / classes)), model(trained(options)),
        program(compiled(model, line.options)), searcher(options, line.options, gallery),
        queries(data.train, loading(line.options.batch, line.options.seed)),
        drawable(firstOf(data.train, data.train.count / drawnSize * drawnSize)),
        drawn(drawable, loading(drawnSize, line.options.seed + 1)) {}

  bool train() {
    Training training = trainingOf(program, line.options, data.train.count);
    if (line.options.quick) training.rate = constantSchedule(quickFaster * line.options.rate);
    if (options.attention) training.losses = {"loss", "class_loss", "attention_loss"};
    for (const auto &[name, value] : Quality{}.named(options.attention)) training.metrics.push_back(name);
    training.step = [&](int64_t step, double rate) { return trainStep(step, rate); };
    training.test = [&](int64_t) { return tested(); };
    Run run(line.options.out, line.settings(), line.begun(), training);
    if (!run.train()) return false;
    write(run);
    return true;
  }

private:
  static LoaderOptions loading(int64_t batch, uint64_t seed) {
    return {.batch = batch, .seed = seed, .mean = {pixels::mnistMean}, .deviation = {pixels::mnistDeviation}};
  }
  fs::path weights() const { return fs::path(line.options.out) / "image_search.safetensors"; }

  std::vector<double> trainStep(int64_t step, double rate) {
    const Batch &batch = queries.at(step);
    float loss = 0, classLoss = 0, attentionLoss = 0;
    if (!options.attention) {
      program.train_step(batch.size, batch.image, batch.label, rate, &loss);
      return {loss};
    }
    const Batch &others = drawn.at(step);
    program.train_step(batch.size, batch.image, batch.label, batch.index, others.image, others.label, others.index,
                       rate, &loss, &classLoss, &attentionLoss);
    return {loss, classLoss, attentionLoss};
  }

  Quality test() {
    program.save(weights());
    searcher.load(weights());
    return qualityOf(searcher.search(data.test), data.test.labels, gallery.labels);
  }

  Tested tested() {
    const Quality scores = test();
    Tested result;
    for (const auto &[name, value] : scores.named(options.attention)) result.metrics.push_back(value);
    char text[160];
    std::snprintf(text, sizeof text, "accuracy %.2f, recall@1 %.2f, mAP %.2f; by distance recall@1 %.2f, mAP %.2f",
                  scores.accuracy, scores.recall, scores.precision, scores.nearRecall, scores.nearPrecision);
    result.text = text;
    return result;
  }

  void write(Run &run) {
    const Quality scores = test();
    const LabelledImages shown = firstOfClasses(data.test, 1);
    const std::vector<Found> found = searcher.search(shown);
    const Picture strips = stripsOf(shown, found, gallery);
    strips.save(run.folder() / "retrieved.png");
    run.events().picture(run.step(), "retrieved", strips);
    lossCurve(run).save(run.folder() / "loss.png");
    Page page = pageOf(run, "Image retrieval by attention");
    page.note("Data: " + dataName + ". The gallery is 1000 training images, the queries are the test images.");
    page.picture(curves(run), "Test figures over the epochs");
    page.heading("Retrieved");
    page.picture(strips, "The first test image of each class, the best five of the gallery with class and weight");
    if (options.attention) {
      const Picture distributions = distributionsOf(shown, found);
      distributions.save(run.folder() / "distributions.png");
      page.picture(distributions, "Each query's weights over the whole gallery, largest first");
    }
    page.save(run.folder() / "run.html");
    writeForDeploy(run.folder());
    writeResult(run, dataName, model.trained_parameters(), scores.named(options.attention));
    std::printf("wrote retrieved.png, loss.png, curves.png, run.html, result.json, image_search.safetensors in %s\n"
                "test accuracy %.2f\ntest recall@1 %.2f\n",
                run.folder().c_str(), scores.accuracy, options.attention ? scores.recall : scores.nearRecall);
  }

  Picture curves(const Run &run) const {
    const size_t first = 1 + (options.attention ? 3 : 1);
    const Picture picture =
        options.attention ? metricCurves(run, "test, percent",
                                         {"accuracy", "recall@1", "mAP", "recall@1 by distance", "mAP by distance"},
                                         {first, first + 4, first + 5, first + 2, first + 3})
                          : metricCurves(run, "test, percent", {"accuracy", "recall@1 by distance", "mAP by distance"},
                                         {first, first + 2, first + 3});
    picture.save(run.folder() / "curves.png");
    return picture;
  }

  /// The gallery and some queries, as bytes, and what deploy must print of them.
  void writeForDeploy(const fs::path &folder) {
    const LabelledImages some = firstOf(data.test, deployed);
    for (auto &[name, images] : {std::pair{"gallery.npy", &gallery}, {"inputs.npy", &some}})
      fovea::formats::writeNpy(folder / name, {FOVEA_U8, {images->count, 1, side, side}, images->pixels});
    std::string lines;
    const std::vector<Found> found = searcher.search(some);
    for (size_t i = 0; i < found.size(); ++i) {
      lines += "item " + std::to_string(i) + ": a " + std::to_string(found[i].predicted);
      if (options.attention) lines += ", most like gallery item " + std::to_string(byScore(found[i].attention)[0]);
      lines += "\n";
    }
    fovea::formats::writeFile(folder / "predictions.txt", lines);
  }

  const CommandLine &line;
  const Options options;
  std::string dataName;
  const DataSet data;
  const LabelledImages gallery;
  const fovea::Model model;
  fovea::Program program;
  Searcher searcher;
  Loader queries;
  const LabelledImages drawable; // whole batches, for a step's gallery has a constant size
  Loader drawn;
};

} // namespace

int main(int argc, char **argv) {
  CommandLineDefaults defaults;
  defaults.purpose = "Trains image retrieval by attention on handwritten digits.";
  defaults.out = "out/retrieval";
  defaults.data = "mnist";
  defaults.dataHelp = "folder with MNIST's four files (default: $FOVEA_DATA/mnist, else drawn)";
  defaults.epochs = 10;
  defaults.quickEpochs = 2;
  defaults.batch = 16;
  defaults.rate = 3e-4;
  CommandLine line(defaults);
  std::string variant = "clean";
  line.add("--variant", &variant, "heads of 32, heads of 512 as written, or no attention")
      ->check(CLI::IsMember(variants));
  return line.run(argc, argv, [&] { return Trainer(line, variant).train(); });
}
