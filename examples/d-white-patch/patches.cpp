#include "patches.h"

#include "model.h"
#include "training/NumpyRandom.h"
#include "training/Picture.h"
#include "training/Random.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace white_patch {
namespace {

using namespace fovea::training;
namespace fs = std::filesystem;

constexpr int64_t trainCount = 4000, testCount = 1000;
constexpr int64_t quickTrain = 256, quickTest = 64;

/// Bilinear, to 96 x 96.
LabelledImages scaled(const LabelledImages &images) {
  LabelledImages result{images.count, images.channels, side, side, {}, images.labels};
  result.pixels.reserve(static_cast<size_t>(result.count * result.size()));
  const int64_t plane = images.rows * images.columns;
  for (int64_t p = 0; p < images.count * images.channels; ++p) {
    const uint8_t *pixels = images.pixels.data() + p * plane;
    for (float value : resized(Map{images.rows, images.columns, {pixels, pixels + plane}}, side, side).values)
      result.pixels.push_back(static_cast<uint8_t>(std::lround(value)));
  }
  return result;
}

/// A plane wave, of any direction and a length from 6 to 96 pixels, in some colour.
struct Wave {
  double alongRow, alongColumn, phase;
  double strength[3];
  explicit Wave(Random &random) {
    const double turn = random.uniform(0, 6.283185307), pace = 6.283185307 / (6 * std::exp2(random.uniform(0, 4)));
    alongRow = pace * std::sin(turn), alongColumn = pace * std::cos(turn), phase = random.uniform(0, 6.283185307);
    for (double &s : strength) s = random.uniform(-30, 30);
  }
};

/// Waves on a colour, with noise, cut off at black and well below white.
void addTexture(Random &random, LabelledImages &images) {
  double colour[3];
  for (double &c : colour) c = random.uniform(30, 170);
  std::vector<Wave> waves;
  for (int i = 0; i < 5; ++i) waves.emplace_back(random);
  for (int channel = 0; channel < 3; ++channel)
    for (int64_t row = 0; row < side; ++row)
      for (int64_t column = 0; column < side; ++column) {
        double value = colour[channel] + random.uniform(-12, 12);
        for (const Wave &wave : waves)
          value += wave.strength[channel] * std::sin(wave.alongRow * static_cast<double>(row) +
                                                     wave.alongColumn * static_cast<double>(column) + wave.phase);
        images.pixels.push_back(static_cast<uint8_t>(std::clamp(value, 0.0, 200.0)));
      }
  images.labels.push_back(0);
  ++images.count;
}

LabelledImages textures(int64_t count, uint64_t seed) {
  LabelledImages images{0, 3, side, side, {}, {}};
  Random random(seed);
  for (int64_t i = 0; i < count; ++i) addTexture(random, images);
  return images;
}

} // namespace

Patch patchOf(int64_t index) {
  NumpyRandom random(static_cast<uint32_t>(index + 10));
  if (random.randint(2) == 0) return {false, 0, 0};
  const int64_t row = random.randint(side - patchSide);
  return {true, row, random.randint(side - patchSide)};
}

DataSet imagesOf(const CommonOptions &options, std::string &name) {
  const int64_t train = options.quick ? quickTrain : trainCount, test = options.quick ? quickTest : testCount;
  const fs::path folder = options.data;
  DataSet data;
  if (options.data.empty()) {
    name = "textures by a procedure, a stand-in for STL-10";
    data = {{"texture"}, textures(train, 1), textures(test, 2)};
  } else if (fs::exists(folder / "train_X.bin") || fs::exists(folder / "train_X.bin.gz")) {
    name = "STL-10";
    data = loadStl10(folder);
    data = {data.classes, firstOf(data.train, train), firstOf(data.test, test)};
  } else {
    name = "CIFAR-10 scaled to 96 x 96, a stand-in for STL-10";
    data = loadCifar10(folder);
    data = {data.classes, scaled(firstOf(data.train, train)), scaled(firstOf(data.test, test))};
  }
  std::printf("data: %s; %lld images to learn from, %lld to test with\n", name.c_str(),
              static_cast<long long>(data.train.count), static_cast<long long>(data.test.count));
  return data;
}

PatchLoader::PatchLoader(const LabelledImages &images, int64_t batch, Seeding seeding, int64_t first)
    : loader(images, {.batch = batch, .shuffle = false, .mean = {128 / 255.0f}, .deviation = {128 / 255.0f}}),
      seeding(seeding), first(first) {}

const PatchBatch &PatchLoader::at(int64_t step) {
  Batch &images = loader.at(step);
  batch.size = images.size;
  batch.image.swap(images.image);
  batch.label.clear(), batch.patch.clear();
  for (int64_t i = 0; i < batch.size; ++i) {
    const Patch patch = patchOf(seeding == Seeding::clean ? first + images.index[static_cast<size_t>(i)] : i);
    batch.label.push_back(patch.present ? 1.0f : 0.0f);
    batch.patch.push_back(patch);
    if (!patch.present) continue;
    for (int64_t line = 0; line < 3 * patchSide; ++line) {
      const int64_t channel = line / patchSide, row = patch.row + line % patchSide;
      float *begin = batch.image.data() + ((i * 3 + channel) * side + row) * side + patch.column;
      std::fill(begin, begin + patchSide, 1.0f);
    }
  }
  return batch;
}

} // namespace white_patch
