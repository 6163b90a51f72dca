// What is retrieved, and how attention spreads over the gallery.
#pragma once

#include "searcher.h"
#include "training/Picture.h"

namespace retrieval {

/// A row for each query: itself with the class that was found, the five of the gallery's items with the largest weights
/// (without attention, the nearest) with their classes and weights, and the weights added up by class.
fovea::training::Picture stripsOf(const fovea::training::LabelledImages &queries, const std::vector<Found> &found,
                                  const fovea::training::LabelledImages &gallery);

/// A curve for each query: the weights of all of the gallery's items, largest first.
fovea::training::Picture distributionsOf(const fovea::training::LabelledImages &queries,
                                         const std::vector<Found> &found);

} // namespace retrieval
