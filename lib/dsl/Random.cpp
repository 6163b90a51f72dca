// Random numbers as compositions of uniform ones.
#include "lib/dsl/Build.h"

#include <fovea/Random.h>

#include <cmath>

using namespace mlir;

namespace fovea {

using namespace dsl;

/// Fails where a size is no size.
static RankedTensorType shapeOf(const Located &key, const char *name, const Shape &shape, DType dtype) {
  Program &program = Program::of(key);
  return program.type(key.site, name, program.sizes(shape, key.site), program.element(dtype));
}

static Tensor uniformOf(const Located &key, const char *name, const Shape &shape, DType dtype) {
  Program &program = Program::of(key);
  return program.tensor(program.makeAs<RandomUniformOp>(key.site, shapeOf(key, name, shape, dtype), valueOf(key)));
}

static Tensor gumbelOf(const Located &key, const char *name, const Shape &shape, DType dtype) {
  Tensor draws = uniformOf(key, name, shape, dtype);
  Frame frame(key);
  Tensor exponential = -log(1 - draws);
  return -log(maximum(exponential, 0x1p-25)); // half of the smallest number but 0
}

Tensor random_keys(Located seed, Located counter, int64_t count) {
  Program &program = Program::of(seed.site, {&seed.tensor, &counter.tensor});
  RankedTensorType type = shapeOf(seed, "random_keys", {count, 2}, i32);
  return program.tensor(program.makeAs<RandomKeysOp>(seed.site, type, valueOf(seed), valueOf(counter)));
}

Tensor random_uniform(Located key, const Shape &shape, double low, double high) {
  Tensor draws = uniformOf(key, "random_uniform", shape, Program::of(key).stored());
  Frame frame(key);
  return low == 0 && high == 1 ? draws : draws * (high - low) + low;
}

Tensor random_normal(Located key, const Shape &shape, double mean, double deviation) {
  (void)shapeOf(key, "random_normal", shape, f32);
  Shape pairs = shape; // side by side, so that an element's place does not depend on the first size
  pairs.push_back(2);
  Tensor draws = uniformOf(key, "random_normal", pairs, Program::of(key).stored());
  Frame frame(key);
  Tensor length = sqrt(-2 * log(1 - pick(draws, -1, 0))), angle = pick(draws, -1, 1) * (2 * M_PI);
  return length * cos(angle) * deviation + mean;
}

Tensor random_gumbel(Located key, const Shape &shape) {
  return gumbelOf(key, "random_gumbel", shape, Program::of(key).stored());
}

Tensor random_bernoulli(Located key, Located probability) {
  Program &program = Program::of(key.site, {&key.tensor, &probability.tensor});
  DType dtype = probability.tensor.dtype();
  if (dtype != f32 && dtype != f64)
    program.fail(key.site,
                 "random_bernoulli: probability is of " + elementText(probability) + ": it must be of f32 or f64");
  Tensor draws = uniformOf(key, "random_bernoulli", probability.tensor.shape(), dtype);
  Frame frame(key);
  return draws < probability.tensor;
}

Tensor random_categorical(Located key, Located logits) {
  Program &program = Program::of(key.site, {&key.tensor, &logits.tensor});
  DType dtype = logits.tensor.dtype();
  if ((dtype != f32 && dtype != f64) || logits.tensor.rank() == 0)
    program.fail(key.site, "random_categorical: logits are " + shapeText(Program::typeOf(logits)) + " of " +
                               elementText(logits) + ": they must be (.., classes) of f32 or f64");
  Tensor noise = gumbelOf(key, "random_categorical", logits.tensor.shape(), dtype);
  Frame frame(key);
  return argmax(logits.tensor + noise, -1);
}

} // namespace fovea
