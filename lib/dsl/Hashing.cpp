// Hashing by directions.
#include "lib/dsl/Attend.h"

#include <fovea/Hashing.h>

namespace fovea {

using namespace dsl;

Hashed hash(Located x, Located directions, int64_t buckets) {
  Frame frame(x);
  const Tensor &vectors = x, &r = directions;
  Program::of(x.site, {&vectors, &r});
  bool fits = isFloat(vectors.dtype()) && vectors.rank() >= 1 && r.rank() == 2 && r.dtype() == vectors.dtype() &&
              r.dim(1) == vectors.dim(-1) && r.dim(0).constant();
  if (!fits)
    frame.fail("hash: x " + textOf(vectors) + " and directions " + textOf(r) +
               ": they must be floats of one type, (.., d) and (k, d) with a constant k");
  if (buckets < 1) frame.fail("hash: " + std::to_string(buckets) + " buckets: there must be at least 1");
  Tensor length = norm(vectors, 1, -1) * (double)*r.dim(0).constant();
  Tensor place = sum(vectors * sum(r, 0), -1) / where(length > 0, length, 1);
  place = clamp(place, -1, 1); // rounding may pass the ends
  Tensor bucket = minimum(cast(floor((place + 1) * ((double)buckets / 2)), i64), (double)(buckets - 1));
  return {place, bucket, buckets};
}

Tensor candidates(const Hashed &query, const Hashed &key, double epsilon, Site site) {
  Located place(query.place, site);
  Frame frame(place);
  Program::of(site, {&query.place, &key.place});
  auto leading = [](Shape shape) { return shape.empty() ? shape : Shape(shape.begin(), shape.end() - 1); };
  Shape queries = query.place.shape(), keys = key.place.shape();
  if (query.buckets != key.buckets || queries.empty() || queries.size() != keys.size() ||
      leading(queries) != leading(keys) || query.place.dtype() != key.place.dtype())
    frame.fail("candidates: queries " + textOf(query.place) + " in " + std::to_string(query.buckets) +
               " buckets and keys " + textOf(key.place) + " in " + std::to_string(key.buckets) +
               ": they must be (.., queries) and (.., keys) of one type, hashed into equally many");
  queries.push_back(1), keys.insert(keys.end() - 1, Dim(1));
  Tensor q = reshape(query.bucket, queries), k = reshape(key.bucket, keys), shared = equal(q, k);
  if (epsilon <= 0) return shared;
  DType dtype = query.place.dtype();
  double width = 2.0 / (double)query.buckets;
  Tensor edge = cast(maximum(q, k), dtype) * width - 1; // between two that are neighbours
  auto near = [&](const Tensor &at) { return abs(at - edge) <= epsilon; };
  Tensor beside = equal(abs(q - k), 1);
  Tensor both = logical_and(near(reshape(query.place, queries)), near(reshape(key.place, keys)));
  return logical_or(shared, logical_and(beside, both));
}

} // namespace fovea
