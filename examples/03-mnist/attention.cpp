// The attention model has the parameters of the trained one and returns, instead of logits, the attention weights
// (batch, depth, heads, tokens, tokens), where a row is a query and a column a key, their rollout and their entropy.
#include "attention.h"

#include "digits_attention.h"
#include "formats/Error.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

using namespace fovea::training;

namespace {

constexpr int64_t depth = 4, heads = 4;
constexpr int64_t side = 4; // patches of 7 x 7 pixels along each side of 28 x 28
constexpr int64_t tokens = side * side;
constexpr int64_t cellSize = 112;

struct Looks {
  std::vector<float> attention, rollout, entropy; // of all digits
};

Looks computeLooks(const std::filesystem::path &weights, const Batch &batch) {
  digits_attention_options options = DIGITS_ATTENTION_OPTIONS_DEFAULT;
  options.sizes.batch = batch.size;
  std::unique_ptr<digits_attention, decltype(&digits_attention_destroy)> model(digits_attention_create(&options),
                                                                               digits_attention_destroy);
  auto numbers = [&](int64_t count) { return std::vector<float>(static_cast<size_t>(batch.size * count)); };
  Looks looks{numbers(depth * heads * tokens * tokens), numbers(tokens * tokens), numbers(depth * heads * tokens)};
  if (!model || digits_attention_load(model.get(), weights.c_str()) != 0 ||
      digits_attention_forward(model.get(), batch.size, batch.image.data(), looks.attention.data(),
                               looks.rollout.data(), looks.entropy.data()) != 0)
    throw fovea::Error(digits_attention_last_error(model.get()));
  return looks;
}

// The attention that each patch receives, the mean over all queries of `count` heads that follow one another.
Map received(const float *attention, int64_t count) {
  Map map{side, side, std::vector<float>(tokens, 0)};
  for (int64_t query = 0; query < count * tokens; ++query)
    for (size_t key = 0; key < tokens; ++key) map.values[key] += *attention++ / static_cast<float>(count * tokens);
  return map;
}

// Dark where a patch receives nothing, bright where it receives the most of this map.
Cell mapCell(const Picture &digit, const Map &map) {
  const float most = *std::max_element(map.values.begin(), map.values.end());
  return {overlay(digit, map, 0, most, 0.65, ColourMap::viridis), ""};
}

// The mean entropy of the heads of the last layer, for each patch that looks.
Cell entropyCell(const Picture &digit, const float *entropy) {
  Map map{side, side, std::vector<float>(tokens, 0)};
  for (int64_t head = 0; head < heads; ++head)
    for (size_t query = 0; query < tokens; ++query) map.values[query] += *entropy++ / static_cast<float>(heads);
  return {overlay(digit, map, 0, std::log(static_cast<float>(tokens)), 0.65, ColourMap::viridis), ""};
}

std::vector<Cell> rowOf(const uint8_t *image, const Looks &looks, int64_t index, const Prediction &prediction) {
  const float *attention = looks.attention.data() + index * depth * heads * tokens * tokens;
  const Picture digit = Picture(image, 1, 28, 28).scaled(cellSize, cellSize);
  char caption[32];
  std::snprintf(caption, sizeof caption, "%d (%.0f %%)", static_cast<int>(prediction.label),
                100 * prediction.probability);
  std::vector<Cell> row{{digit, caption}};
  constexpr int64_t headSize = tokens * tokens;
  for (int64_t layer = 0; layer < depth; ++layer)
    row.push_back(mapCell(digit, received(attention + layer * heads * headSize, heads)));
  for (int64_t head = 0; head < heads; ++head)
    row.push_back(mapCell(digit, received(attention + ((depth - 1) * heads + head) * headSize, 1)));
  row.push_back(mapCell(digit, received(looks.rollout.data() + index * headSize, 1)));
  row.push_back(entropyCell(digit, looks.entropy.data() + (index * depth + depth - 1) * heads * tokens));
  return row;
}

} // namespace

Picture pictureOfAttention(const std::filesystem::path &weights, const LabelledImages &digits, const Batch &batch,
                           const std::vector<Prediction> &predictions) {
  const Looks looks = computeLooks(weights, batch);
  std::vector<std::string> headings{"predicted"};
  for (int64_t layer = 1; layer <= depth; ++layer) headings.push_back("layer " + std::to_string(layer));
  for (int64_t head = 1; head <= heads; ++head)
    headings.push_back(std::to_string(depth) + ", head " + std::to_string(head));
  headings.insert(headings.end(), {"rollout", "entropy"});
  std::vector<std::vector<Cell>> rows;
  for (int64_t i = 0; i < digits.count; ++i)
    rows.push_back(rowOf(digits.image(i), looks, i, predictions[static_cast<size_t>(i)]));
  return grid(headings, rows);
}
