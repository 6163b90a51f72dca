// Normalisations.
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"

namespace fovea::onnx {
namespace {

std::vector<int64_t> from(int64_t axis, int64_t rank) {
  std::vector<int64_t> result;
  for (int64_t d = axis; d < rank; ++d) result.push_back(d);
  return result;
}

/// A vector of the channels, dimension 1, against x.
Tensor perChannel(const Tensor &vector, int64_t rank) {
  Shape shape((size_t)rank, Dim(1));
  shape[1] = vector.dim(0);
  return reshape(vector, shape);
}

void layerNorm(Call &call) {
  Tensor x = call.tensor(0), scale = call.tensor(1);
  Shape shape = x.shape();
  int64_t axis = frontAxis(call.integer("axis", -1), x.rank());
  double epsilon = call.number("epsilon", 1e-5f);
  std::vector<int64_t> axes = from(axis, x.rank());
  // Over the last dimension alone it is the dialect's own op.
  if (axis == x.rank() - 1 && call.has(2) && scale.rank() == 1 && scale.shape() == call.tensor(2).shape() &&
      scale.dim(0) == shape.back())
    call.give(layer_norm(x, scale, call.tensor(2), epsilon));
  else {
    Tensor result = normalized(x, axes, epsilon).result * scale;
    call.give(call.has(2) ? result + call.tensor(2) : result);
  }
  if (!call.wants(1) && !call.wants(2)) return;
  Normalized parts = normalized(x, axes, epsilon);
  call.give(parts.mean, 1);
  call.give(parts.inverse, 2);
}

void rmsNorm(Call &call) {
  Tensor x = call.tensor(0);
  int64_t axis = frontAxis(call.integer("axis", -1), x.rank());
  Tensor scale = call.tensor(1);
  // Over the last dimension alone it is the dialect's own op.
  if (axis == x.rank() - 1 && scale.rank() == 1 && scale.dim(0) == x.dim(-1))
    return call.give(rms_norm(x, scale, call.number("epsilon", 1e-5f)));
  Tensor square = mean(x * x, listed(from(axis, x.rank())), true);
  call.give(x / sqrt(square + call.number("epsilon", 1e-5f)) * scale);
}

/// Each group of channels of each item, in (items, groups, elements).
void groupNorm(Call &call) {
  Tensor x = call.tensor(0), scale = call.tensor(1), bias = call.tensor(2);
  Shape shape = x.shape();
  int64_t groups = call.integer("num_groups", 0);
  if (shape.size() < 2 || groups < 1 || shape[1].constant().value_or(1) % groups)
    call.unsupported("num_groups is " + std::to_string(groups) + ", which does not divide the channels of " +
                     shapeText(shape));
  Tensor apart = reshape(x, {shape[0], groups, -1});
  Tensor result = normalized(apart, {2}, call.number("epsilon", 1e-5f)).result;
  bool perGroup = call.version < 21;
  if (perGroup) result = result * perChannel(scale, 3) + perChannel(bias, 3);
  result = reshape(result, shape);
  call.give(perGroup ? result : result * perChannel(scale, x.rank()) + perChannel(bias, x.rank()));
}

void instanceNorm(Call &call) {
  Tensor x = call.tensor(0);
  if (x.rank() < 3) call.unsupported("its input has no spatial dimension: " + shapeText(x.shape()));
  Tensor result = normalized(x, from(2, x.rank()), call.number("epsilon", 1e-5f)).result;
  call.give(result * perChannel(call.tensor(1), x.rank()) + perChannel(call.tensor(2), x.rank()));
}

void batchNorm(Call &call) {
  Tensor x = call.tensor(0), mean = call.tensor(3), variance = call.tensor(4);
  int64_t rank = x.rank();
  if (rank < 2) call.unsupported("its input has no channels: it has rank " + std::to_string(rank));
  if (call.version < 14 && call.wants(1)) call.unsupported("training mode is supported from opset 14 on");
  if (call.version < 9 && !call.integer("spatial", 1)) call.unsupported("spatial = 0 is not supported");
  double epsilon = call.number("epsilon", 1e-5f);
  if (call.integer("training_mode", 0)) {
    std::vector<int64_t> axes = from(2, rank);
    axes.insert(axes.begin(), 0);
    Tensor batchMean = fovea::mean(x, listed(axes)), apart = x - perChannel(batchMean, rank);
    Tensor batchVariance = fovea::mean(apart * apart, listed(axes));
    double momentum = call.number("momentum", 0.9f);
    if (call.wants(1)) call.give(mean * momentum + batchMean * (1 - momentum), 1);
    if (call.wants(2)) call.give(variance * momentum + batchVariance * (1 - momentum), 2);
    mean = batchMean, variance = batchVariance;
  }
  Tensor factor = call.tensor(1) / sqrt(variance + epsilon);
  call.give((x - perChannel(mean, rank)) * perChannel(factor, rank) + perChannel(call.tensor(2), rank));
}

void meanVariance(Call &call) {
  Tensor x = call.tensor(0);
  std::vector<int64_t> axes = frontAxes(call.integers("axes", {0, 2, 3}), x.rank());
  Tensor apart = x - mean(x, listed(axes), true);
  call.give(apart / (sqrt(mean(apart * apart, listed(axes), true)) + 1e-9));
}

void lpNorm(Call &call) {
  Tensor x = call.tensor(0);
  int64_t axis = frontAxis(call.integer("axis", -1), x.rank()), p = call.integer("p", 2);
  if (p != 1 && p != 2) call.unsupported("p is " + std::to_string(p) + ": it must be 1 or 2");
  Tensor length = p == 1 ? sum(abs(x), axis, true) : sqrt(sum(x * x, axis, true));
  call.give(where(equal(length, 0), 0, x / length));
}

/// Over a window of `size` channels around each.
void localResponse(Call &call) {
  Tensor x = call.tensor(0), square = x * x;
  int64_t size = call.integer("size", 1), channels = numbersOf({x.dim(1)}, "its channels")[0];
  int64_t before = (size - 1) / 2;
  Tensor padded = pad(square, 1, before, size - 1 - before), total = slice(padded, 1, 0, channels);
  for (int64_t i = 1; i < size; ++i) total = total + slice(padded, 1, i, channels);
  double alpha = call.number("alpha", 1e-4f), beta = call.number("beta", 0.75f), bias = call.number("bias", 1);
  call.give(x / pow(bias + total * (alpha / (double)size), beta));
}

} // namespace

void addNorms(Registry &registry) {
  registry.add("LayerNormalization", {17}, layerNorm);
  registry.add("RMSNormalization", {23}, rmsNorm);
  registry.add("GroupNormalization", {18, 21}, groupNorm);
  registry.add("InstanceNormalization", {6, 22}, instanceNorm);
  registry.add("BatchNormalization", {7, 9, 14, 15}, batchNorm);
  registry.add("MeanVarianceNormalization", {9, 13}, meanVariance);
  registry.add("LpNormalization", {1, 22}, lpNorm);
  registry.add("LRN", {1, 13}, localResponse);
}

} // namespace fovea::onnx
