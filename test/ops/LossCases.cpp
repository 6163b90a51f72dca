// Losses against plain loops over their formulas, in every reduction.
#include "test/ops/Functions.h"
#include "test/ops/Suites.h"

#include <fovea/Losses.h>

#include <cmath>

namespace fovea::ops {

namespace {

using Tensors = std::vector<Tensor>;

Array reducedTo(const Array &losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  double sum = 0;
  for (double loss : losses.values) sum += loss;
  return reference::scalar(reduction == Reduction::sum ? sum : sum / (double)losses.size());
}

constexpr Reduction reductions[] = {Reduction::none, Reduction::mean, Reduction::sum};
const char *nameOf(Reduction reduction) {
  return reduction == Reduction::none ? "" : reduction == Reduction::sum ? "_sum" : "_mean";
}

/// A loss in every reduction; `losses` gives those of elements, rows or items.
using Build = std::function<Tensor(const Tensors &, Reduction)>;
using Losses = std::function<Array(const Arrays &)>;
void add(std::vector<Case> &cases, const std::string &name, const std::vector<Operand> &operands, const Build &build,
         const Losses &losses) {
  for (Reduction reduction : reductions)
    cases.push_back(function(
        name + nameOf(reduction), operands, [=](const Tensors &v) { return build(v, reduction); },
        [=](const Arrays &a) { return reducedTo(losses(a), reduction); }, ulps(64, 4)));
}

/// A loss of pairs of elements.
void addElementwise(std::vector<Case> &cases, const std::string &name, Operand x, Operand target, const Build &build,
                    const std::function<double(double, double)> &loss) {
  add(cases, name, {x, target}, build, [=](const Arrays &a) { return reference::binary(a[0], a[1], loss); });
}

//===-- Of classes ------------------------------------------------------------------------------------------------===//

/// log softmax of row `row`.
double logProbability(const Array &x, int64_t row, int64_t c) {
  int64_t classes = x.shape.back();
  double largest = -INFINITY, sum = 0;
  for (int64_t k = 0; k < classes; ++k) largest = std::fmax(largest, x.values[row * classes + k]);
  for (int64_t k = 0; k < classes; ++k) sum += std::exp(x.values[row * classes + k] - largest);
  return x.values[row * classes + c] - largest - std::log(sum);
}

Shape rowsOf(const Array &x) { return Shape(x.shape.begin(), x.shape.end() - 1); }

struct ClassLoss {
  double smoothing = 0;
  bool weighted = false, soft = false, normalized = false; // `normalized`: scores are log-probabilities
  std::optional<int64_t> ignored = {};
  Reduction reduction = Reduction::mean;
};

/// The losses of rows as PyTorch's documentation of CrossEntropyLoss writes them; the operands are scores, labels and,
/// if `weighted`, weights.
Array classLosses(const Arrays &a, const ClassLoss &of) {
  Array losses(rowsOf(a[0]));
  int64_t classes = a[0].shape.back();
  double counts = 0;
  auto weight = [&](int64_t c) { return of.weighted ? a[2].values[c] : 1; };
  for (int64_t row = 0; row < losses.size(); ++row) {
    int64_t label = of.soft ? -1 : (int64_t)a[1].values[row];
    if (of.ignored && label == *of.ignored) continue;
    counts += of.soft ? 1 : label >= 0 && label < classes ? weight(label) : NAN;
    if (!of.soft && (label < 0 || label >= classes)) losses.values[row] = NAN;
    for (int64_t c = 0; c < classes; ++c) {
      double target = of.soft ? a[1].values[row * classes + c] : c == label;
      target = (1 - of.smoothing) * target + of.smoothing / (double)classes;
      double log = of.normalized ? a[0].values[row * classes + c] : logProbability(a[0], row, c);
      losses.values[row] -= weight(c) * target * log;
    }
  }
  if (of.reduction != Reduction::mean) return reducedTo(losses, of.reduction);
  double sum = 0;
  for (double loss : losses.values) sum += loss;
  return reference::scalar(sum / counts);
}

void addClassLoss(std::vector<Case> &cases, const std::string &name, Operand scores, Operand label,
                  const ClassLoss &of) {
  std::vector<Operand> operands{scores, label};
  if (of.weighted) operands.push_back({"weight", {scores.shape.back()}, uniform(0.5, 2)});
  for (Reduction reduction : reductions) {
    ClassLoss each = of;
    each.reduction = reduction;
    auto build = [=](const Tensors &v) {
      std::optional<Tensor> weight;
      if (each.weighted) weight = v[2];
      if (each.normalized)
        return nll_loss(v[0], v[1], {.weight = weight, .ignore_index = each.ignored, .reduction = reduction});
      return cross_entropy(
          v[0], v[1],
          {.label_smoothing = each.smoothing, .weight = weight, .ignore_index = each.ignored, .reduction = reduction});
    };
    cases.push_back(function(
        name + nameOf(reduction), operands, build, [=](const Arrays &a) { return classLosses(a, each); },
        ulps(128, 4)));
  }
}

Operand labels(const reference::Shape &shape, int64_t low, int64_t high, Kind kind = Kind::i32) {
  return {"label", shape, whole(low, high), kind};
}

void addClassLosses(std::vector<Case> &cases) {
  Operand matrix{"x", {17, 5}}, image{"x", {2, 3, 5}}, targets{"target", {17, 5}, uniform(0, 1)};
  addClassLoss(cases, "cross_entropy", matrix, labels({17}, 0, 5), {});
  addClassLoss(cases, "cross_entropy_pixels", image, labels({2, 3}, 0, 5, Kind::i64), {});
  addClassLoss(cases, "cross_entropy_vector", {"x", {59}}, labels({}, 0, 59), {});
  addClassLoss(cases, "cross_entropy_smooth", matrix, labels({17}, 0, 5), {.smoothing = 0.2});
  addClassLoss(cases, "cross_entropy_ignore", matrix, labels({17}, -1, 5), {.ignored = -1});
  addClassLoss(cases, "cross_entropy_weighted", image, labels({2, 3}, 0, 5), {.weighted = true});
  addClassLoss(cases, "cross_entropy_all", matrix, labels({17}, 0, 5),
               {.smoothing = 0.1, .weighted = true, .ignored = 3});
  addClassLoss(cases, "cross_entropy_soft", matrix, targets, {.soft = true});
  addClassLoss(cases, "cross_entropy_soft_all", matrix, targets, {.smoothing = 0.3, .weighted = true, .soft = true});
  addClassLoss(cases, "nll", matrix, labels({17}, 0, 5), {.normalized = true});
  addClassLoss(cases, "nll_weighted", image, labels({2, 3}, 0, 5), {.weighted = true, .normalized = true});
  addClassLoss(cases, "nll_all", matrix, labels({17}, 0, 6), {.weighted = true, .normalized = true, .ignored = 5});
  // A label that is no class, and rows that are all ignored.
  std::vector<Case> special;
  Operand outside{"label", {4}, cycle({2, 5, -1, 0}), Kind::i64};
  addClassLoss(special, "cross_entropy_outside", {"x", {4, 5}}, outside, {.ignored = 0});
  addClassLoss(special, "nll_outside", {"x", {4, 5}}, outside, {.normalized = true, .ignored = 0});
  addClassLoss(special, "cross_entropy_none_left", {"x", {3, 5}}, labels({3}, 2, 3), {.ignored = 2});
  for (const Case &each : special) cases.push_back(valuesOnly(each));
}

//===-- Of elements -----------------------------------------------------------------------------------------------===//

double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
double sigmoid(double x) { return x > 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }
double clampedLog(double x) { return std::fmax(std::log(x), -100); }
double binary(double p, double t) { return -(t * clampedLog(p) + (1 - t) * clampedLog(1 - p)); }
double logistic(double x, double t) { return t * softplus(-x) + (1 - t) * softplus(x); }
double focal(double x, double t, double gamma, double alpha) {
  double rest = t == 1 ? sigmoid(-x) : sigmoid(x), loss = t == 1 ? softplus(-x) : softplus(x);
  return (t == 1 ? alpha : 1 - alpha) * std::pow(rest, gamma) * loss;
}
double smoothL1(double x, double t, double beta) {
  double d = std::abs(x - t);
  return d < beta ? d * d / (2 * beta) : d - beta / 2;
}

void addElementLosses(std::vector<Case> &cases) {
  Operand x{"x", {3, 17}}, target{"target", {3, 17}};
  Operand p{"p", {3, 17}, uniform(0.05, 0.95)}, part{"target", {3, 17}, uniform(0, 1)};
  addElementwise(
      cases, "mse", x, target, [](const Tensors &v, Reduction r) { return mse_loss(v[0], v[1], r); },
      [](double x, double t) { return (x - t) * (x - t); });
  addElementwise(
      cases, "smooth_l1", x, target, [](const Tensors &v, Reduction r) { return smooth_l1_loss(v[0], v[1], 0.75, r); },
      [](double x, double t) { return smoothL1(x, t, 0.75); });
  addElementwise(
      cases, "huber", x, target, [](const Tensors &v, Reduction r) { return huber_loss(v[0], v[1], 1.5, r); },
      [](double x, double t) { return 1.5 * smoothL1(x, t, 1.5); });
  addElementwise(
      cases, "binary_cross_entropy", p, part,
      [](const Tensors &v, Reduction r) { return binary_cross_entropy(v[0], v[1], r); }, binary);
  addElementwise(
      cases, "binary_logits", x, part,
      [](const Tensors &v, Reduction r) { return binary_cross_entropy_with_logits(v[0], v[1], {.reduction = r}); },
      logistic);
  add(
      cases, "binary_logits_weighted", {x, part, {"weight", {17}, uniform(0.5, 3)}},
      [](const Tensors &v, Reduction r) {
        return binary_cross_entropy_with_logits(v[0], v[1], {.pos_weight = v[2], .reduction = r});
      },
      [](const Arrays &a) {
        Array losses(a[0].shape);
        for (int64_t at = 0; at < losses.size(); ++at) {
          double x = a[0].values[at], t = a[1].values[at];
          losses.values[at] = a[2].values[at % 17] * t * softplus(-x) + (1 - t) * softplus(x);
        }
        return losses;
      });
  // Targets are input as integers, so that differences do not move them.
  Operand zeroOrOne{"target", {3, 17}, whole(0, 2), Kind::i32};
  auto asReal = [](const Tensors &v) { return cast(v[1], v[0].dtype()); };
  addElementwise(
      cases, "focal", x, zeroOrOne,
      [=](const Tensors &v, Reduction r) { return focal_loss(v[0], asReal(v), {.reduction = r}); },
      [](double x, double t) { return focal(x, t, 2, 0.25); });
  addElementwise(
      cases, "focal_plain", x, zeroOrOne,
      [=](const Tensors &v, Reduction r) {
        return focal_loss(v[0], asReal(v), {.gamma = 0.5, .alpha = std::nullopt, .reduction = r});
      },
      [](double x, double t) { return 2 * focal(x, t, 0.5, 0.5); });
  addElementwise(
      cases, "focal_gamma_0", x, zeroOrOne,
      [=](const Tensors &v, Reduction r) { return focal_loss(v[0], asReal(v), {.gamma = 0, .reduction = r}); },
      [](double x, double t) { return focal(x, t, 0, 0.25); });
}

/// Where a naive formula overflows, or divides 0 by 0 in its gradient.
void addExtremes(std::vector<Case> &cases) {
  Operand certain{"p", {7}, cycle({0, 1, 0.5, 1e-30, 0.25, 1, 0})},
      far{"x", {8}, cycle({0, 80, -80, 700, -700, 3e4, -3e4, NAN})};
  for (double target : {0.0, 1.0}) {
    std::string of = "_of_" + std::to_string((int)target);
    auto against = [&](const std::string &name, Operand x, const std::function<Tensor(Tensor, Tensor)> &loss,
                       const std::function<double(double)> &value, const std::function<double(double)> &slopeOf) {
      Function built = [=](const Tensors &v) { return loss(v[0], where(is_nan(v[0]), v[0], target)); };
      cases.push_back(valuesOnly(function(
          name + of, {x}, built, [=](const Arrays &a) { return reference::unary(a[0], value); }, ulps(16, 1e-30))));
      cases.push_back(slope(name + of, x, built, slopeOf, ulps(64, 1e-30)));
    };
    against(
        "binary_certain", certain, [](Tensor x, Tensor t) { return binary_cross_entropy(x, t, Reduction::none); },
        [=](double p) { return binary(p, target); },
        [=](double p) { return target == 1 ? (p == 0 ? 0 : -1 / p) : (p == 1 ? 0 : 1 / (1 - p)); });
    against(
        "logits_far", far,
        [](Tensor x, Tensor t) { return binary_cross_entropy_with_logits(x, t, {.reduction = Reduction::none}); },
        [=](double x) { return logistic(x, target); },
        [=](double x) { return target == 1 ? -sigmoid(-x) : sigmoid(x); });
    against(
        "focal_far", far, [](Tensor x, Tensor t) { return focal_loss(x, t, {.reduction = Reduction::none}); },
        [=](double x) { return focal(x, target, 2, 0.25); },
        [=](double x) {
          double sign = target == 1 ? 1 : -1, alpha = target == 1 ? 0.25 : 0.75;
          double s = sigmoid(sign * x), rest = sigmoid(-sign * x);
          return -sign * alpha * rest * rest * (2 * s * softplus(-sign * x) + rest);
        });
    against(
        "smooth_l1_far", far, [](Tensor x, Tensor t) { return smooth_l1_loss(x, t, 2, Reduction::none); },
        [=](double x) { return smoothL1(x, target, 2); },
        [=](double x) {
          if (std::isnan(x)) return 0.0; // as that of abs
          return std::fmin(std::fmax((x - target) / 2, -1), 1);
        });
  }
}

//===-- Of items and rows -----------------------------------------------------------------------------------------===//

Array diceLosses(const Arrays &a, double smooth) {
  Array losses({a[0].shape[0]});
  int64_t inner = a[0].size() / a[0].shape[0];
  for (int64_t item = 0; item < losses.size(); ++item) {
    double shared = 0, all = 0;
    for (int64_t at = item * inner; at < (item + 1) * inner; ++at) {
      shared += a[0].values[at] * a[1].values[at];
      all += a[0].values[at] + a[1].values[at];
    }
    losses.values[item] = 1 - (2 * shared + smooth) / (all + smooth);
  }
  return losses;
}

double distance(const Array &a, const Array &b, int64_t row) {
  double squares = 0;
  int64_t width = a.shape.back();
  for (int64_t at = row * width; at < (row + 1) * width; ++at)
    squares += (a.values[at] - b.values[at]) * (a.values[at] - b.values[at]);
  return std::sqrt(squares);
}

Array tripletLosses(const Arrays &a, double margin) {
  Array losses(rowsOf(a[0]));
  for (int64_t row = 0; row < losses.size(); ++row)
    losses.values[row] = std::fmax(distance(a[0], a[1], row) - distance(a[0], a[2], row) + margin, 0);
  return losses;
}

Array divergences(const Arrays &a) {
  Array losses(rowsOf(a[0]));
  int64_t classes = a[0].shape.back();
  for (int64_t at = 0; at < a[0].size(); ++at)
    if (double t = a[1].values[at]; t != 0) losses.values[at / classes] += t * (std::log(t) - a[0].values[at]);
  return losses;
}

void addRowLosses(std::vector<Case> &cases) {
  Fill part = uniform(0, 1);
  auto dice = [](const Tensors &v, Reduction r) { return dice_loss(v[0], v[1], {.smooth = 0.5, .reduction = r}); };
  auto diceOf = [](const Arrays &a) { return diceLosses(a, 0.5); };
  add(cases, "dice", {{"p", {3, 17}, part}, {"target", {3, 17}, part}}, dice, diceOf);
  add(cases, "dice_image", {{"p", {2, 1, 5, 7}, part}, {"target", {2, 1, 5, 7}, part}}, dice, diceOf);
  auto triplet = [](const Tensors &v, Reduction r) {
    return triplet_margin_loss(v[0], v[1], v[2], {.margin = 0.3, .reduction = r});
  };
  auto tripletOf = [](const Arrays &a) { return tripletLosses(a, 0.3); };
  add(cases, "triplet", {{"a", {17, 5}}, {"p", {17, 5}}, {"n", {17, 5}}}, triplet, tripletOf);
  add(cases, "triplet_deep", {{"a", {2, 3, 59}}, {"p", {2, 3, 59}}, {"n", {2, 3, 59}}}, triplet, tripletOf);
  auto divergence = [](const Tensors &v, Reduction r) { return kl_div(v[0], v[1], r); };
  add(cases, "kl_div", {{"x", {3, 17}, uniform(-5, 0)}, {"target", {3, 17}, uniform(0.1, 1)}}, divergence, divergences);
  cases.push_back(valuesOnly(function(
      "kl_div_zeros", {{"x", {3, 5}, uniform(-5, 0)}, {"target", {3, 5}, cycle({0, 1, 0.5, 0.25, 0, 0, 0.75})}},
      [](const Tensors &v) { return kl_div(v[0], v[1], Reduction::none); }, divergences, ulps(64, 4))));
  // The gradient in a target of 0 is 0, not NaN.
  cases.push_back(slope(
      "kl_div_zero", {"x", {4}, cycle({0, 0.5, 1, 0})},
      [](const Tensors &v) { return kl_div(v[0] * 0 - 1, v[0], Reduction::none); },
      [](double t) { return t == 0 ? 0 : std::log(t) + 2; }, ulps(16, 1)));
  // A row whose three points are one has the margin as its loss, and no gradient.
  cases.push_back(slope(
      "triplet_equal", {"x", {2, 5}, cycle({1, 2, 3, 4, 5})},
      [](const Tensors &v) {
        return triplet_margin_loss(v[0], v[0] * 0 + v[0] * 1, v[0] + 0, {.reduction = Reduction::none});
      },
      [](double) { return 0; }, {}));
}

} // namespace

Suite lossesSuite() {
  std::vector<Case> cases;
  addElementLosses(cases);
  addExtremes(cases);
  addRowLosses(cases);
  return {"Losses", cases};
}

Suite classLossesSuite() {
  std::vector<Case> cases;
  addClassLosses(cases);
  return {"ClassLosses", cases};
}

std::vector<Case> batchLosses() {
  return {
      function(
          "dice_items", {{"p", {batch, 3, 5}, uniform(0, 1)}, {"target", {batch, 3, 5}, uniform(0, 1)}},
          [](const Tensors &v) { return dice_loss(v[0], v[1], {.reduction = Reduction::none}); },
          [](const Arrays &a) { return diceLosses(a, 1); }, ulps(64, 4)),
      function(
          "cross_entropy_items", {{"x", {batch, 2, 7}}, {"label", {batch, 2}, whole(-1, 7), Kind::i32}},
          [](const Tensors &v) {
            return cross_entropy(v[0], v[1],
                                 {.label_smoothing = 0.1, .ignore_index = -1, .reduction = Reduction::none});
          },
          [](const Arrays &a) {
            return classLosses(a, {.smoothing = 0.1, .ignored = -1, .reduction = Reduction::none});
          },
          ulps(64, 4)),
  };
}

} // namespace fovea::ops
