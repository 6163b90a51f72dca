// The attention model has the parameters of the trained one and returns, instead of logits, the softmax matrices
// (batch, depth, heads, tokens, tokens): a row is a query, a column a key.
#include "attention.h"

#include "digits_attention.h"
#include "formats/Error.h"
#include "training/Picture.h"

#include <algorithm>
#include <cstdio>
#include <memory>

using namespace fovea::training;

namespace {

constexpr int64_t depth = 4, heads = 4;
constexpr int64_t side = 4; // patches of 7 x 7 pixels along each side of 28 x 28
constexpr int64_t tokens = side * side;
constexpr int64_t cellSize = 112;

std::vector<float> computeAttention(const std::filesystem::path &weights, const Batch &batch) {
  digits_attention_options options = DIGITS_ATTENTION_OPTIONS_DEFAULT;
  options.sizes.batch = batch.size;
  std::unique_ptr<digits_attention, decltype(&digits_attention_destroy)> model(digits_attention_create(&options),
                                                                               digits_attention_destroy);
  std::vector<float> attention(static_cast<size_t>(batch.size * depth * heads * tokens * tokens));
  if (!model || digits_attention_load(model.get(), weights.c_str()) != 0 ||
      digits_attention_forward(model.get(), batch.size, batch.image.data(), attention.data()) != 0)
    throw fovea::Error(digits_attention_last_error(model.get()));
  return attention;
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

std::vector<Cell> rowOf(const uint8_t *image, const float *attention, const Prediction &prediction) {
  const Picture digit = Picture(image, 28, 28).scaled(cellSize, cellSize);
  char caption[32];
  std::snprintf(caption, sizeof caption, "%d (%.0f %%)", static_cast<int>(prediction.label),
                100 * prediction.probability);
  std::vector<Cell> row{{digit, caption}};
  constexpr int64_t headSize = tokens * tokens;
  for (int64_t layer = 0; layer < depth; ++layer)
    row.push_back(mapCell(digit, received(attention + layer * heads * headSize, heads)));
  for (int64_t head = 0; head < heads; ++head)
    row.push_back(mapCell(digit, received(attention + ((depth - 1) * heads + head) * headSize, 1)));
  return row;
}

} // namespace

void drawAttention(const std::filesystem::path &weights, const LabelledImages &digits, const Batch &batch,
                   const std::vector<Prediction> &predictions, const std::filesystem::path &picture) {
  const std::vector<float> attention = computeAttention(weights, batch);
  std::vector<std::string> headings{"predicted"};
  for (int64_t layer = 1; layer <= depth; ++layer) headings.push_back("layer " + std::to_string(layer));
  for (int64_t head = 1; head <= heads; ++head)
    headings.push_back(std::to_string(depth) + ", head " + std::to_string(head));
  std::vector<std::vector<Cell>> rows;
  for (int64_t i = 0; i < digits.count; ++i)
    rows.push_back(rowOf(digits.image(i), attention.data() + i * depth * heads * tokens * tokens,
                         predictions[static_cast<size_t>(i)]));
  grid(headings, rows).save(picture);
}
