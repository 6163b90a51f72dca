// Forward one thing, backward another.
#include "lib/dsl/Attend.h"

#include <fovea/Choice.h>
#include <fovea/Random.h>

using namespace mlir;

namespace fovea {

using namespace dsl;

Tensor stop_gradient(Located x) {
  Frame frame(x);
  if (!isFloat(x.tensor.dtype()))
    frame.fail("stop_gradient: x is " + textOf(x) + ": it must be floats: nothing else has a gradient");
  return custom_vjp({}, x,
                    [](const std::vector<Tensor> &, const Tensor &, const Tensor &) { return std::vector<Tensor>(); });
}

/// 1 at the largest of the logits, with the gradient of soft weights.
static Tensor hardened(const Tensor &logits, const Tensor &soft) {
  int64_t classes = *logits.dim(-1).constant();
  Tensor hard = cast(one_hot(argmax(logits, -1), classes), soft.dtype());
  return custom_vjp({soft}, hard, [](const std::vector<Tensor> &, const Tensor &, const Tensor &cotangent) {
    return std::vector<Tensor>{cotangent};
  });
}

static void checkLogits(const Frame &frame, const char *name, const Tensor &logits) {
  if (!isFloat(logits.dtype()) || logits.rank() == 0 || logits.dim(-1).constant().value_or(0) < 1)
    frame.fail(std::string(name) + ": logits are " + textOf(logits) +
               ": they must be floats (.., classes), of a constant number of classes");
}

Tensor straight_through(Located logits) {
  Frame frame(logits);
  checkLogits(frame, "straight_through", logits);
  return hardened(logits, softmax(logits.tensor));
}

Tensor gumbel_softmax(Located key, Located logits, const GumbelSoftmaxOptions &options) {
  Frame frame(logits);
  Program::of(logits.site, {&key.tensor, &logits.tensor});
  checkLogits(frame, "gumbel_softmax", logits);
  if (!(options.temperature > 0))
    frame.fail("gumbel_softmax: temperature is " + std::to_string(options.temperature) + ": it must be positive");
  DType dtype = logits.tensor.dtype();
  Tensor noisy = logits.tensor + cast(random_gumbel(key.tensor, logits.tensor.shape()), dtype);
  Tensor soft = softmax(noisy * (1 / options.temperature));
  return options.hard ? hardened(noisy, soft) : soft;
}

Weighted hard_attention(Located query, Located key, Located value, const HardAttentionOptions &options) {
  Frame frame(query);
  const Tensor &q = query, &k = key, &v = value;
  Program::of(query.site, {&q, &k, &v});
  bool fits = isFloat(q.dtype()) && q.dtype() == k.dtype() && q.dtype() == v.dtype() && q.rank() >= 2 &&
              k.rank() == q.rank() && v.rank() == q.rank() && q.dim(-1) == k.dim(-1) && k.dim(-2).constant();
  for (int64_t d = 0; fits && d + 1 < q.rank(); ++d)
    fits = k.dim(d) == v.dim(d) && (d + 2 == q.rank() || q.dim(d) == k.dim(d));
  if (!fits)
    frame.fail(
        "hard_attention: query " + textOf(q) + ", key " + textOf(k) + " and value " + textOf(v) +
        ": they must be floats of one type, (.., queries, d), (.., keys, d) and (.., keys, d_v), with a constant "
        "number of keys");
  Tensor scores = matmul(q, k, {.transpose_b = true}) * scaleOf(options.scale, q);
  Tensor weights =
      options.key ? gumbel_softmax(*options.key, scores, {options.temperature, true}) : straight_through(scores);
  return {matmul(weights, v), weights};
}

Tensor reinforce_loss(Located log_probability, Located reward, Located baseline) {
  Frame frame(log_probability);
  const Tensor &logarithm = log_probability, &gain = reward, &base = baseline;
  Program::of(log_probability.site, {&logarithm, &gain, &base});
  bool fits = isFloat(logarithm.dtype()) && Program::typeOf(logarithm) == Program::typeOf(gain) &&
              base.dtype() == gain.dtype() && base.rank() <= gain.rank();
  for (int64_t d = 1; fits && d <= base.rank(); ++d) fits = base.dim(-d) == Dim(1) || base.dim(-d) == gain.dim(-d);
  if (!fits)
    frame.fail("reinforce_loss: log_probability " + textOf(logarithm) + ", reward " + textOf(gain) + " and baseline " +
               textOf(base) + ": they must be floats of one type and shape, to which the baseline broadcasts");
  return -mean(stop_gradient(gain - base) * logarithm);
}

} // namespace fovea
