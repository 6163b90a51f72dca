// Searches a gallery for what is like a query: by attention, and by the distance of encodings.
#pragma once

#include "model.h"

#include "training/CommandLine.h"
#include "training/Images.h"

#include <fovea/compile.h>

#include <string>
#include <utility>
#include <vector>

namespace retrieval {

struct Found {
  int64_t predicted;            // the class
  std::vector<float> attention; // of each of the gallery's items, adding up to 1; empty without attention
  std::vector<float> nearness;  // of each: minus the squared Euclidean distance of encodings
};

class Searcher {
public:
  /// Compiles the index and the search. The gallery has `gallerySize` images, and must outlive the searcher.
  Searcher(Options options, const fovea::training::CommonOptions &common,
           const fovea::training::LabelledImages &gallery);

  /// Loads the weights of a trained model, and encodes the gallery.
  void load(const std::string &weights);

  /// One for each image, in order.
  std::vector<Found> search(const fovea::training::LabelledImages &images);

private:
  std::vector<float> nearnessOf(const float *encoding) const;

  const Options options;
  const int64_t batch;
  const fovea::training::LabelledImages &gallery;
  fovea::Program indexing, searching;
  std::vector<float> encodings, keys, values; // of the gallery
};

/// How good searches are, in percent but for the last two.
struct Quality {
  double accuracy, macroF1;            // of classes
  double recall, precision;            // recall@1 and mean average precision by attention; 0 without it
  double nearRecall, nearPrecision;    // the same by Euclidean distance
  double classWeight = 0, breadth = 0; // attention's weight on the query's class; e to the entropy of its weights: as
                                       // how many items it sees. The means over queries; 0 without attention
  /// Without attention, those that have nothing to do with it.
  std::vector<std::pair<std::string, double>> named(bool attention) const;
};
Quality qualityOf(const std::vector<Found> &found, const std::vector<int32_t> &labels,
                  const std::vector<int32_t> &galleryLabels);

/// e to the entropy of weights that add up to 1.
double breadthOf(const std::vector<float> &weights);

} // namespace retrieval
