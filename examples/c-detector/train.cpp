// System C: trains a detector of digits on canvases, with and without a block of soft attention, and draws what it
// finds and sees.
//
//   train [--variant scaled | as-written | none] [--quick] [--seed N] [--out FOLDER] [--resume]
//   train --beside FOLDER          draws the boxes of another run next to its own
#include "canvases.h"

#include "common/Files.h"
#include "common/System.h"

#include <cstdio>
#include <map>

using namespace detection;
using namespace systems;
namespace fs = std::filesystem;

namespace {

constexpr int64_t grid = cells * cells;
constexpr double shownScore = decode::shownScore; // of boxes that are drawn, and count for F1

const std::map<std::string, detection::Options> variants{
    {"scaled", {}}, {"as-written", {.scaled = false}}, {"none", {.attention = false}}};

struct Chosen {
  std::string variant = "scaled", beside;
  detection::Options options() const { return variants.at(variant); }
};

struct Data {
  std::string name;
  Canvases train, test;
};

Data canvasesOf(const CommonOptions &options) {
  Data data;
  const DataSet digits = digitsOf(options, data.name);
  data.name = "canvases with up to 4 of " + data.name;
  data.train = drawCanvases(digits.train, options.quick ? 1600 : 8000, 1);
  data.test = drawCanvases(digits.test, options.quick ? 200 : 1000, 2);
  return data;
}

LoaderOptions loaderOptions(const CommonOptions &options, bool shuffle) {
  return {.batch = options.batch,
          .seed = options.seed,
          .shuffle = shuffle,
          .mean = {decode::mean},
          .deviation = {decode::deviation},
          .ahead = shuffle ? 2 : 0};
}

double centreOf(int64_t cell) { return double(cell * cellSize) + double(cellSize) / 2; }

/// What training is told about a batch, cell by cell.
struct Targets {
  std::vector<float> object, truth;
  std::vector<int32_t> label;

  Targets(const Canvases &canvases, const Batch &batch)
      : object(size_t(batch.size * grid)), truth(size_t(batch.size * grid * 4)), label(size_t(batch.size * grid)) {
    for (int64_t i = 0; i < batch.size; ++i)
      for (const LabelledBox &each : canvases.boxes[size_t(batch.index[size_t(i)])]) add(i * grid, each);
  }

private:
  void add(int64_t first, const LabelledBox &each) {
    const Box &box = each.box;
    const int64_t column = cellOf((box.left + box.right) / 2), row = cellOf((box.top + box.bottom) / 2);
    const int64_t cell = first + row * cells + column;
    const double x = centreOf(column), y = centreOf(row);
    object[size_t(cell)] = 1;
    label[size_t(cell)] = int32_t(each.label);
    const double edges[] = {box.left - x, box.top - y, box.right - x, box.bottom - y};
    for (int64_t e = 0; e < 4; ++e) truth[size_t(cell * 4 + e)] = float(edges[e]);
  }
};

Boxes boxesOf(const float *score, const float *box) {
  decode::Found found[grid];
  const int64_t count = decode::boxes(score, box, found);
  Boxes boxes;
  for (int64_t i = 0; i < count; ++i) {
    const decode::Found &each = found[i];
    boxes.push_back({{each.left, each.top, each.right, each.bottom}, each.digit, each.score});
  }
  return boxes;
}

std::vector<Boxes> detect(fovea::Program &program, const LabelledImages &images, const CommonOptions &options) {
  Loader loader(images, loaderOptions(options, false));
  std::vector<float> score(size_t(options.batch * grid * digitKinds)), box(size_t(options.batch * grid * 4));
  std::vector<Boxes> found;
  for (int64_t step = 0; step < loader.batchesPerEpoch(); ++step) {
    const Batch &batch = loader.at(step);
    program.forward(batch.size, batch.image, score, box);
    for (int64_t i = 0; i < batch.size; ++i)
      found.push_back(boxesOf(&score[size_t(i * grid * digitKinds)], &box[size_t(i * grid * 4)]));
  }
  return found;
}

Tested test(fovea::Program &program, const Canvases &test, const CommonOptions &options) {
  const std::vector<Boxes> found = detect(program, test.images, options);
  const double map = meanAveragePrecision(found, test.boxes), f1 = detectionF1(found, test.boxes, shownScore);
  char text[80];
  std::snprintf(text, sizeof text, "mAP %.4f, F1 %.4f on %lld canvases", map, f1, (long long)test.images.count);
  return {{map, f1}, text};
}

const Colour colours[] = {{230, 60, 60}, {60, 160, 60}, {60, 110, 230}, {220, 150, 30}, {160, 80, 200}};

Cell pictured(const uint8_t *canvas, const Boxes &boxes, const std::string &caption) {
  constexpr int64_t times = 3;
  Picture picture = Picture(canvas, 1, canvasSize, canvasSize).scaled(times * canvasSize, times * canvasSize);
  for (const LabelledBox &each : boxes) {
    if (each.score < shownScore) continue;
    const Box &b = each.box;
    picture.box({times * b.left, times * b.top, times * b.right, times * b.bottom}, std::to_string(each.label),
                colours[each.label % 5]);
  }
  return {picture, caption};
}

/// What the cell of the first digit sees of the others, over the canvas.
Cell seenCell(const uint8_t *canvas, const Boxes &truth, const float *weights) {
  const Box &box = truth.front().box;
  const int64_t column = cellOf((box.left + box.right) / 2), row = cellOf((box.top + box.bottom) / 2);
  const float *own = weights + (row * cells + column) * grid;
  const Map map{cells, cells, {own, own + grid}};
  Picture picture = Picture(canvas, 1, canvasSize, canvasSize).scaled(3 * canvasSize, 3 * canvasSize);
  picture = overlay(picture, map, 0, *std::max_element(own, own + grid), 0.6, ColourMap::viridis);
  picture.box({24.0 * double(column), 24.0 * double(row), 24.0 * double(column + 1), 24.0 * double(row + 1)}, "query",
              white);
  return {picture, "seen from " + std::to_string(truth.front().label)};
}

struct Column {
  std::string heading;
  std::vector<Cell> cells;
};

/// Test canvases with the boxes that are there, that were found, and what a cell sees; and those of another run.
Picture pictureOf(fovea::Program &program, const Chosen &chosen, const fs::path &weightsFile, const Canvases &test,
                  const CommonOptions &common) {
  CommonOptions options = common;
  options.batch = std::min<int64_t>(6, test.images.count);
  const LabelledImages some = firstOf(test.images, options.batch);
  std::vector<Column> columns{{"there", {}}, {"found, " + chosen.variant, {}}};
  const std::vector<Boxes> found = detect(program, some, common);
  for (int64_t i = 0; i < some.count; ++i) {
    columns[0].cells.push_back(pictured(some.image(i), test.boxes[size_t(i)], ""));
    columns[1].cells.push_back(pictured(some.image(i), found[size_t(i)], ""));
  }
  if (!chosen.beside.empty()) {
    fovea::Program other = compiled(make({.attention = false}), options, true);
    other.load((fs::path(chosen.beside) / "detector.safetensors").string());
    const std::vector<Boxes> theirs = detect(other, some, options);
    columns.push_back({"without attention", {}});
    for (int64_t i = 0; i < some.count; ++i)
      columns.back().cells.push_back(pictured(some.image(i), theirs[size_t(i)], ""));
  }
  if (chosen.options().attention) {
    fovea::Program looks = compiled(make(chosen.options(), true), options, true);
    looks.load(weightsFile.string());
    Loader loader(some, loaderOptions(options, false));
    std::vector<float> weights(size_t(options.batch * grid * grid));
    looks.forward(some.count, loader.at(0).image, weights);
    columns.push_back({"attention", {}});
    for (int64_t i = 0; i < some.count; ++i)
      columns.back().cells.push_back(seenCell(some.image(i), test.boxes[size_t(i)], &weights[size_t(i * grid * grid)]));
  }
  std::vector<std::string> headings;
  std::vector<std::vector<Cell>> rows(size_t(some.count));
  for (const Column &column : columns) {
    headings.push_back(column.heading);
    for (size_t i = 0; i < rows.size(); ++i) rows[i].push_back(column.cells[i]);
  }
  return fovea::training::grid(headings, rows);
}

/// Canvases for the deployed program, and what it must say of them.
void writeForDeployment(const fs::path &folder, fovea::Program &program, const LabelledImages &test,
                        const CommonOptions &options) {
  const LabelledImages some = firstOf(test, 16);
  writeImages(folder / "inputs.npy", some);
  std::string text;
  const std::vector<Boxes> found = detect(program, some, options);
  for (size_t i = 0; i < found.size(); ++i) {
    text += "item " + std::to_string(i) + ":";
    for (const LabelledBox &each : found[i]) {
      if (each.score < shownScore) continue;
      char place[64];
      std::snprintf(place, sizeof place, " %lld at (%.0f, %.0f)", (long long)each.label,
                    (each.box.left + each.box.right) / 2, (each.box.top + each.box.bottom) / 2);
      text += place;
    }
    text += "\n";
  }
  fovea::formats::writeFile(folder / "predictions.txt", text);
}

double gammaOf(fovea::Program &program, const Chosen &chosen) {
  return chosen.options().attention ? double(program.get<float>("attention.gamma").front()) : 0.0;
}

void writeResults(Run &run, fovea::Program &program, const Chosen &chosen, const Data &data,
                  const CommonOptions &options) {
  const fs::path &folder = run.folder(), weights = folder / "detector.safetensors";
  program.save(weights.string());
  const Picture looks = pictureOf(program, chosen, weights, data.test, options);
  looks.save(folder / "detections.png");
  lossCurve(run, "training loss", "loss").save(folder / "loss.png");
  const Picture curves = metricCurves(run, "test", {"mAP", "F1"}, {2, 3});
  curves.save(folder / "metrics.png");
  run.events().picture(run.step(), "detections", looks);
  Page page = pageOf(run, "Detector of digits, variant " + chosen.variant);
  page.heading("Quality on test canvases");
  page.picture(curves, "Mean average precision and F1 at an intersection over union of 0.5");
  char text[160];
  std::snprintf(text, sizeof text, "gamma, the weight of the attention block beside its residual, ended at %.4f",
                gammaOf(program, chosen));
  if (chosen.options().attention) page.note(text), std::printf("%s\n", text);
  page.heading("Detections");
  page.picture(looks, "Boxes that are there, that were found, and what the cell of one digit sees");
  page.save(folder / "run.html");
  writeForDeployment(folder, program, data.test.images, options);
  const std::vector<double> &last = run.metrics().rows().back();
  writeResult(run, data.name, make(chosen.options()).trained_parameters(),
              {{"test mAP", last[2]}, {"test F1", last[3]}, {"gamma", gammaOf(program, chosen)}});
  std::printf("wrote %s, %s\n", (folder / "run.html").c_str(), (folder / "detections.png").c_str());
  std::printf("test mAP %.4f\n", last[2]);
}

bool train(const CommandLine &line, const Chosen &chosen) {
  const CommonOptions &options = line.options;
  const Data data = canvasesOf(options);
  fovea::Program program = compiled(make(chosen.options()), options);
  Loader loader(data.train.images, loaderOptions(options, true));
  Training training = trainingOf(program, options, data.train.images.count);
  training.rate = cosineSchedule(options.rate, options.rate / 100, options.epochs * loader.batchesPerEpoch());
  training.metrics = {"mAP", "F1"};
  training.step = [&](int64_t step, double rate) {
    Batch &batch = loader.at(step);
    Targets targets(data.train, batch);
    float loss = 0;
    program.train_step(batch.size, batch.image, targets.object, targets.label, targets.truth, rate, &loss);
    return std::vector<double>{loss};
  };
  training.test = [&](int64_t) { return test(program, data.test, options); };
  Run run(options.out, line.settings(), line.begun(), training);
  if (!run.train()) return false;
  writeResults(run, program, chosen, data, options);
  return true;
}

} // namespace

int main(int argc, char **argv) {
  CommandLineDefaults defaults;
  defaults.purpose = "Trains a detector of digits on canvases.";
  defaults.out = "out/c-detector";
  defaults.data = "mnist";
  defaults.dataHelp = "folder with MNIST's four files (default: $FOVEA_DATA/mnist, else drawn)";
  defaults.epochs = 12;
  defaults.quickEpochs = 2;
  defaults.rate = 2e-3;
  defaults.batch = 32;
  Chosen chosen;
  CommandLine line(defaults);
  line.add("--variant", &chosen.variant, "scores scaled, unscaled as written, or no attention")
      ->check(CLI::IsMember(variants));
  line.add("--beside", &chosen.beside, "folder of a run of the variant none, whose boxes are drawn too");
  return line.run(argc, argv, [&] { return train(line, chosen); });
}
