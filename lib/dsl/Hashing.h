// Hashing that brings near vectors together, to attend to few candidates or look for them.
#pragma once

#include <fovea/Functions.h>

namespace fovea {

struct Hashed {
  Tensor place;  // (..), from -1 to 1, of the vectors' type
  Tensor bucket; // (..), of i64
  int64_t buckets;
};
/// The bucket of each vector x (.., d): its products with `directions` (k, d), which are drawn from [-1, 1], are summed
/// and divided by k times the vector's 1-norm, which brings them into [-1, 1], of which buckets are equal parts (after
/// Datar et al. 2004, "Locality-Sensitive Hashing Scheme Based on p-Stable Distributions"). A vector of zeros is at 0.
/// Directions are a frozen parameter, or random_uniform(key, {k, d}, -1, 1). The buckets have no gradient.
Hashed hash(Located x, Located directions, int64_t buckets);

/// Which keys are candidates of which queries, booleans (.., queries, keys), for places (.., queries) and (.., keys) in
/// equally many buckets: those of a query's bucket, and those of the buckets beside it where both are at most `epsilon`
/// from the edge between. A mask for dot_product_attention or masks::boolean.
Tensor candidates(const Hashed &query, const Hashed &key, double epsilon = 0, Site site = Site::here());

} // namespace fovea
