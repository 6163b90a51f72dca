#include "searcher.h"

#include "common/Pixels.h"
#include "common/System.h"

#include <algorithm>
#include <cmath>

namespace retrieval {

using namespace fovea::training;

namespace {

Loader inOrder(const LabelledImages &images, int64_t batch) {
  return {images,
          {.batch = batch, .shuffle = false, .mean = {pixels::mnistMean}, .deviation = {pixels::mnistDeviation}}};
}

size_t numbers(int64_t count, int64_t size) { return static_cast<size_t>(count * size); }

Ranking rankingOf(const std::vector<float> &scores, int32_t label, const std::vector<int32_t> &labels) {
  Ranking ranking;
  for (int64_t item : byScore(scores)) ranking.push_back(labels[static_cast<size_t>(item)] == label);
  return ranking;
}

} // namespace

Searcher::Searcher(Options options, const CommonOptions &common, const LabelledImages &gallery)
    : options(options), batch(common.batch), gallery(gallery),
      indexing(systems::compiled(index(options), common, true)),
      searching(systems::compiled(retrieval::search(options), common, true)), encodings(numbers(gallerySize, width)),
      keys(numbers(gallerySize, heads * options.headSize())), values(keys.size()) {}

void Searcher::load(const std::string &weights) {
  indexing.load(weights);
  searching.load(weights);
  Loader loader = inOrder(gallery, batch);
  int64_t done = 0;
  for (int64_t step = 0; step < loader.batchesPerEpoch(); ++step) {
    const Batch &items = loader.at(step);
    float *encoding = encodings.data() + done * width;
    const int64_t at = done * heads * options.headSize();
    if (options.attention)
      indexing.forward(items.size, items.image, encoding, keys.data() + at, values.data() + at);
    else
      indexing.forward(items.size, items.image, encoding);
    done += items.size;
  }
}

std::vector<Found> Searcher::search(const LabelledImages &images) {
  std::vector<float> attention(numbers(batch, gallerySize)), encoding(numbers(batch, width));
  std::vector<float> logits(numbers(batch, classes));
  std::vector<Found> found;
  Loader loader = inOrder(images, batch);
  for (int64_t step = 0; step < loader.batchesPerEpoch(); ++step) {
    const Batch &queries = loader.at(step);
    if (options.attention)
      searching.forward(queries.size, queries.image, keys, values, attention, encoding, logits);
    else
      searching.forward(queries.size, queries.image, encoding, logits);
    for (int64_t i = 0; i < queries.size; ++i) {
      const float *weights = attention.data() + i * gallerySize;
      found.push_back({argmax(logits.data() + i * classes, classes), {}, nearnessOf(encoding.data() + i * width)});
      if (options.attention) found.back().attention.assign(weights, weights + gallerySize);
    }
  }
  return found;
}

std::vector<float> Searcher::nearnessOf(const float *encoding) const {
  std::vector<float> nearness;
  for (const float *item = encodings.data(); item != encodings.data() + encodings.size(); item += width) {
    float sum = 0;
    for (int64_t i = 0; i < width; ++i) sum += (encoding[i] - item[i]) * (encoding[i] - item[i]);
    nearness.push_back(-sum);
  }
  return nearness;
}

double breadthOf(const std::vector<float> &weights) {
  double entropy = 0;
  for (float weight : weights)
    if (weight > 0) entropy -= static_cast<double>(weight) * std::log(static_cast<double>(weight));
  return std::exp(entropy);
}

Quality qualityOf(const std::vector<Found> &found, const std::vector<int32_t> &labels,
                  const std::vector<int32_t> &galleryLabels) {
  Quality scores{};
  ConfusionMatrix confusion(classes);
  std::vector<Ranking> byAttention, byDistance;
  for (size_t i = 0; i < found.size(); ++i) {
    confusion.add(labels[i], found[i].predicted);
    byDistance.push_back(rankingOf(found[i].nearness, labels[i], galleryLabels));
    if (found[i].attention.empty()) continue;
    byAttention.push_back(rankingOf(found[i].attention, labels[i], galleryLabels));
    const double share = 1 / static_cast<double>(found.size());
    scores.breadth += share * breadthOf(found[i].attention);
    for (size_t item = 0; item < galleryLabels.size(); ++item)
      if (galleryLabels[item] == labels[i]) scores.classWeight += share * static_cast<double>(found[i].attention[item]);
  }
  scores.accuracy = 100 * confusion.accuracy(), scores.macroF1 = 100 * confusion.macroF1();
  scores.nearRecall = 100 * recallAt(1, byDistance), scores.nearPrecision = 100 * meanAveragePrecision(byDistance);
  if (byAttention.empty()) return scores;
  scores.recall = 100 * recallAt(1, byAttention), scores.precision = 100 * meanAveragePrecision(byAttention);
  return scores;
}

std::vector<std::pair<std::string, double>> Quality::named(bool attention) const {
  std::vector<std::pair<std::string, double>> figures{{"accuracy", accuracy},
                                                      {"macro F1", macroF1},
                                                      {"recall@1 by distance", nearRecall},
                                                      {"mAP by distance", nearPrecision}};
  if (attention)
    figures.insert(
        figures.end(),
        {{"recall@1", recall}, {"mAP", precision}, {"weight of the class", classWeight}, {"breadth", breadth}});
  return figures;
}

} // namespace retrieval
