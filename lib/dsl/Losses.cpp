// Losses as compositions: kernels fuse them. Only that of hard labels has an op of its own.
#include "lib/dsl/Build.h"

#include <fovea/Choice.h>
#include <fovea/Losses.h>

#include <cmath>
#include <limits>

using namespace mlir;

namespace fovea {

using namespace dsl;

static Tensor reduced(const Tensor &loss, Reduction reduction) {
  return reduction == Reduction::none ? loss : reduction == Reduction::sum ? sum(loss) : mean(loss);
}

static std::string textOf(const Tensor &x) { return shapeText(Program::typeOf(x)) + " of " + elementText(x); }

/// Fails unless both are floats of one shape and type.
static void checkPair(const Frame &frame, const std::string &loss, const char *what, const Tensor &x, const char *other,
                      const Tensor &y) {
  Program::of({x, Site::here()}), Program::of({y, Site::here()});
  if (!isFloat(x.dtype()) || Program::typeOf(x) != Program::typeOf(y))
    frame.fail(loss + ": " + what + " " + textOf(x) + " and " + other + " " + textOf(y) +
               ": they must have one shape and one floating-point type");
}

//===-- Of classes ------------------------------------------------------------------------------------------------===//

namespace {
/// Integer labels of rows.
struct Labels {
  Tensor label; // 0 where ignored
  std::optional<Tensor> ignored, weight;

  Labels(const Tensor &given, const std::optional<Tensor> &classWeight, std::optional<int64_t> ignoreIndex)
      : label(given) {
    if (ignoreIndex) {
      ignored = equal(given, (double)*ignoreIndex);
      label = where(*ignored, 0, given);
    }
    if (classWeight) weight = gather(*classWeight, label);
  }

  /// Weighted losses, of which those ignored become 0.
  Tensor reduce(Tensor loss, Reduction reduction) const {
    std::optional<Tensor> counts = weight;
    if (ignored) {
      loss = where(*ignored, 0, loss);
      counts = weight ? where(*ignored, 0, *weight) : cast(logical_not(*ignored), loss.dtype());
    }
    if (reduction != Reduction::mean || !counts) return reduced(loss, reduction);
    return sum(loss) / sum(*counts);
  }
};
} // namespace

/// The number of classes of rows (.., classes) whose labels are integers (..) or, where `soft`, targets (.., classes).
static int64_t classesOf(const Frame &frame, const std::string &loss, const Tensor &rows, const Tensor &label,
                         bool soft, const std::optional<Tensor> &weight) {
  Shape shape = rows.shape();
  std::optional<int64_t> classes = shape.empty() ? std::nullopt : shape.back().constant();
  bool fits = classes && isFloat(rows.dtype());
  if (fits && soft) {
    fits = Program::typeOf(rows) == Program::typeOf(label);
  } else if (fits) {
    shape.pop_back();
    fits = (label.dtype() == i32 || label.dtype() == i64) && label.shape() == shape;
  }
  if (!fits)
    frame.fail(loss + ": scores " + textOf(rows) + " and labels " + textOf(label) +
               ": they must be floats (.., classes), with a constant number of classes, and i32 or i64 (..)" +
               (loss == "cross_entropy" ? " or floats like the scores" : ""));
  if (weight && (weight->shape() != Shape{*classes} || weight->dtype() != rows.dtype()))
    frame.fail(loss + ": the weight is " + textOf(*weight) + ": it must be (" + std::to_string(*classes) + ") of " +
               elementText(rows) + ", a number for each class");
  return *classes;
}

/// -log softmax(logits)_label for each row.
static Tensor labelLoss(const Located &logits, const Tensor &label, int64_t classes) {
  bool matrix = logits.tensor.rank() == 2;
  Tensor rows = matrix ? logits.tensor : reshape(logits, {-1, classes});
  Tensor flat = matrix ? label : reshape(label, {-1});
  Tensor loss = apply<CrossEntropyOp>(Program::of(logits), logits.site, valueOf(rows), valueOf(flat));
  return matrix ? loss : reshape(loss, label.shape());
}

Tensor cross_entropy(Located logits, Located label, const CrossEntropyOptions &options) {
  Frame frame(logits);
  Program::of(logits.site, {&logits.tensor, &label.tensor});
  double smoothing = options.label_smoothing;
  if (!(smoothing >= 0 && smoothing <= 1))
    frame.fail("cross_entropy: label_smoothing is " + std::to_string(smoothing) + ": it must be between 0 and 1");
  bool soft = isFloat(label.tensor.dtype());
  if (soft && options.ignore_index)
    frame.fail("cross_entropy: ignore_index is " + std::to_string(*options.ignore_index) +
               ", yet the targets are floats: give integer labels, or targets of 0");
  int64_t classes = classesOf(frame, "cross_entropy", logits, label, soft, options.weight);
  if (soft) {
    Tensor target = smoothing == 0 ? label.tensor : label.tensor * (1 - smoothing) + smoothing / (double)classes;
    Tensor terms = target * log_softmax(logits.tensor);
    return reduced(-sum(options.weight ? terms * *options.weight : terms, -1), options.reduction);
  }
  Labels labels(label, options.weight, options.ignore_index);
  Tensor loss = labelLoss(logits, labels.label, classes);
  if (labels.weight) loss = loss * *labels.weight;
  if (smoothing != 0) {
    Tensor terms = log_softmax(logits.tensor);
    loss = loss * (1 - smoothing) - smoothing * mean(options.weight ? terms * *options.weight : terms, -1);
  }
  return labels.reduce(loss, options.reduction);
}

Tensor nll_loss(Located log_probability, Located label, const NllOptions &options) {
  Frame frame(log_probability);
  Program::of(log_probability.site, {&log_probability.tensor, &label.tensor});
  classesOf(frame, "nll_loss", log_probability, label, false, options.weight);
  Labels labels(label, options.weight, options.ignore_index);
  Shape column = label.tensor.shape();
  column.push_back(1);
  Tensor chosen = gather_elements(log_probability.tensor, reshape(labels.label, column), -1);
  Tensor loss = -reshape(chosen, label.tensor.shape());
  if (labels.weight) loss = loss * *labels.weight;
  return labels.reduce(loss, options.reduction);
}

Tensor kl_div(Located log_probability, Located target, Reduction reduction) {
  Frame frame(log_probability);
  checkPair(frame, "kl_div", "log_probability", log_probability, "target", target);
  if (target.tensor.rank() == 0) frame.fail("kl_div: log_probability is one number: it must be (.., classes)");
  // The logarithm of 0 must not reach the gradient either.
  Tensor zero = equal(target.tensor, 0), logarithm = log(where(zero, 1, target.tensor));
  return reduced(sum(where(zero, 0, target.tensor * (logarithm - log_probability.tensor)), -1), reduction);
}

//===-- Of two classes --------------------------------------------------------------------------------------------===//

/// log x, at least -100 and without a gradient there.
static Tensor clampedLog(const Tensor &x) {
  Tensor small = x <= std::exp(-100);
  return where(small, -100, log(where(small, 1, x)));
}

Tensor binary_cross_entropy(Located probability, Located target, Reduction reduction) {
  Frame frame(probability);
  checkPair(frame, "binary_cross_entropy", "probability", probability, "target", target);
  const Tensor &p = probability, &t = target;
  return reduced(-(t * clampedLog(p) + (1 - t) * clampedLog(1 - p)), reduction);
}

/// Both terms are computed for themselves: their difference would lose the digits of a small one.
static Tensor binaryLosses(const Tensor &x, const Tensor &t, const std::optional<Tensor> &weight) {
  Tensor positive = t * softplus(-x);
  return (weight ? *weight * positive : positive) + (1 - t) * softplus(x);
}

Tensor binary_cross_entropy_with_logits(Located logits, Located target, const BinaryCrossEntropyOptions &options) {
  Frame frame(logits);
  checkPair(frame, "binary_cross_entropy_with_logits", "logits", logits, "target", target);
  Tensor loss = binaryLosses(logits, target, options.pos_weight);
  if (Program::typeOf(loss) != Program::typeOf(logits))
    frame.fail("binary_cross_entropy_with_logits: pos_weight " + textOf(*options.pos_weight) +
               " does not broadcast to the logits, " + textOf(logits));
  return reduced(loss, options.reduction);
}

Tensor focal_loss(Located logits, Located target, const FocalOptions &options) {
  Frame frame(logits);
  checkPair(frame, "focal_loss", "logits", logits, "target", target);
  if (!(options.gamma >= 0))
    frame.fail("focal_loss: gamma is " + std::to_string(options.gamma) + ": it must be at least 0");
  const Tensor &x = logits, &t = target;
  Tensor loss = binaryLosses(x, t, std::nullopt);
  // (1 - p_t)^gamma by its logarithm, whose gradient is finite where 1 - p_t is 0.
  if (options.gamma != 0) loss = loss * exp(options.gamma * (t * log_sigmoid(-x) + (1 - t) * log_sigmoid(x)));
  if (options.alpha) loss = loss * ((2 * *options.alpha - 1) * t + (1 - *options.alpha));
  return reduced(loss, options.reduction);
}

/// The mean of focal losses by cross-entropies x over a mask.
static Tensor focalMean(const Tensor &x, const AttentionLossOptions &options) {
  Tensor loss = x;
  // A power whose gradient is finite where 1 - e^-x is 0.
  double least = x.dtype() == f16 ? 0x1p-14 : std::numeric_limits<float>::min();
  if (options.gamma != 0) loss = loss * exp(options.gamma * log(maximum(1 - exp(-x), least)));
  if (!options.mask) return mean(loss);
  Tensor count = sum(cast(*options.mask, x.dtype()));
  return sum(where(*options.mask, loss, 0)) / maximum(count, 1);
}

Tensor attention_loss(Located cross_entropy, const AttentionLossOptions &options) {
  Frame frame(cross_entropy);
  const Tensor &x = cross_entropy;
  std::optional<int64_t> rows, columns;
  if (x.rank() >= 2) rows = x.dim(-2).constant(), columns = x.dim(-1).constant();
  if (!isFloat(x.dtype()) || !rows || !columns)
    frame.fail("attention_loss: cross_entropy is " + textOf(x) + ": it must be floats (.., h, w) of constant h and w");
  if (options.mask && (options.mask->dtype() != DType::boolean || options.mask->shape() != x.shape()))
    frame.fail("attention_loss: mask " + textOf(*options.mask) + " and cross_entropy " + textOf(x) +
               ": the mask must be booleans of its shape");
  if (!(options.gamma >= 0))
    frame.fail("attention_loss: gamma is " + std::to_string(options.gamma) + ": it must be at least 0");
  double scale = 16 / (double)(*rows * *columns);
  // What is skipped must have no gradient on the way either: infinity times 0 has none.
  Tensor seen = options.mask ? where(*options.mask, x, 0) : x, whole = focalMean(stop_gradient(seen), options) * scale;
  Tensor counts = logical_and(logical_not(whole <= options.ignore_threshold),
                              not_equal(whole, std::numeric_limits<double>::infinity()));
  return where(counts, focalMean(where(counts, seen, 0), options) * scale, 0);
}

Tensor dice_loss(Located probability, Located target, const DiceOptions &options) {
  Frame frame(probability);
  checkPair(frame, "dice_loss", "probability", probability, "target", target);
  const Tensor &p = probability, &t = target;
  if (p.rank() < 2) frame.fail("dice_loss: probability is " + textOf(p) + ": it must be (items, ..)");
  if (!(options.smooth >= 0))
    frame.fail("dice_loss: smooth is " + std::to_string(options.smooth) + ": it must be at least 0");
  Axes inner;
  inner.listed.emplace();
  for (int64_t axis = 1; axis < p.rank(); ++axis) inner.listed->push_back(axis);
  Tensor shared = 2 * sum(p * t, inner) + options.smooth, all = sum(p + t, inner) + options.smooth;
  return reduced(1 - shared / all, options.reduction);
}

//===-- Of distances ----------------------------------------------------------------------------------------------===//

Tensor mse_loss(Located x, Located target, Reduction reduction) {
  Frame frame(x);
  checkPair(frame, "mse_loss", "x", x, "target", target);
  return reduced(square(x.tensor - target.tensor), reduction);
}

/// m (d - m / 2) with m = min(d, width): d^2 / 2 below the width, then a line.
static Tensor rounded(const Frame &frame, const char *loss, const char *option, double width, const Located &x,
                      const Located &target) {
  checkPair(frame, loss, "x", x, "target", target);
  if (!(width > 0))
    frame.fail(std::string(loss) + ": " + option + " is " + std::to_string(width) + ": it must be positive");
  Tensor distance = abs(x.tensor - target.tensor), inner = minimum(distance, width);
  return inner * (distance - inner * 0.5);
}

Tensor smooth_l1_loss(Located x, Located target, double beta, Reduction reduction) {
  Frame frame(x);
  return reduced(rounded(frame, "smooth_l1_loss", "beta", beta, x, target) / beta, reduction);
}

Tensor huber_loss(Located x, Located target, double delta, Reduction reduction) {
  Frame frame(x);
  return reduced(rounded(frame, "huber_loss", "delta", delta, x, target), reduction);
}

Tensor triplet_margin_loss(Located anchor, Located positive, Located negative, const TripletOptions &options) {
  Frame frame(anchor);
  checkPair(frame, "triplet_margin_loss", "anchor", anchor, "positive", positive);
  checkPair(frame, "triplet_margin_loss", "anchor", anchor, "negative", negative);
  if (anchor.tensor.rank() == 0) frame.fail("triplet_margin_loss: anchor is one number: it must be (.., width)");
  Tensor nearer = norm(anchor.tensor - positive.tensor, 2, -1), farther = norm(anchor.tensor - negative.tensor, 2, -1);
  return reduced(relu(nearer - farther + options.margin), options.reduction);
}

} // namespace fovea
