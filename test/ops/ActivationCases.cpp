// The builder's elementwise functions, and the ops that are new to them: values and slopes, also where these are
// special.
#include "test/ops/Functions.h"
#include "test/ops/Suites.h"

#include <cmath>

namespace fovea::ops {

namespace {

constexpr double inf = INFINITY;

using Real = std::function<double(double)>;
using Tensors = std::vector<Tensor>;

/// A function of one tensor, its naive value and slope.
struct Activation {
  std::string name;
  Function function;
  Real value, slope;
  Bound bound;
  std::vector<double> kinks = {}; // tested beside the special values
  double floor = 0;               // of the bound for these
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
double keepNan(double x, double otherwise) { return std::isnan(x) ? x : otherwise; }
double signOf(double x) { return keepNan(x, (x > 0) - (x < 0)); }
double ramp(double x) { return keepNan(x, std::fmin(std::fmax((x + 3) / 6, 0), 1)); }
double rampSlope(double x) { return std::isnan(x) || (x > -3 && x < 3) ? 1.0 / 6 : 0; }
double siluSlope(double x) { return sigmoid(x) + x * sigmoid(x) * sigmoid(-x); }
double mishSlope(double x) {
  double t = std::tanh(softplus(x));
  return t + x * (1 - t * t) * sigmoid(x);
}
/// Of x s(v), s the sigmoid: without overflow, since s (1 - s) is 0 long before x^2 is infinite.
double geluTanhSlope(double x) {
  if (std::abs(x) > 30) return x > 0;
  double scale = 2 * std::sqrt(2 / M_PI), s = sigmoid(scale * (x + 0.044715 * x * x * x));
  return s + x * s * (1 - s) * scale * (1 + 3 * 0.044715 * x * x);
}

#define FUNCTION(EXPRESSION)                                                                                           \
  [](const Tensors &v) {                                                                                               \
    Tensor x = v[0];                                                                                                   \
    return EXPRESSION;                                                                                                 \
  }
#define REAL(EXPRESSION) [](double x) -> double { return EXPRESSION; }

std::vector<Activation> activations() {
  return {
      {"sign", FUNCTION(sign(x)), signOf, REAL(std::isnan(x) ? 1 : 0), {}},
      {"floor", FUNCTION(floor(x)), REAL(std::floor(x)), REAL(0), {}, {-2.5, 2.5, 4.5}},
      {"ceil", FUNCTION(ceil(x)), REAL(std::ceil(x)), REAL(0), {}, {-2.5, 2.5, 4.5}},
      {"round", FUNCTION(round(x)), REAL(std::nearbyint(x)), REAL(0), {}, {-2.5, 2.5, 3.5, -0.5, 8388609}},
      {"abs", FUNCTION(abs(x)), REAL(std::abs(x)), REAL((x > 0) - (x < 0)), {}},
      {"square", FUNCTION(square(x)), REAL(x * x), REAL(2 * x), ulps(1)},
      {"reciprocal", FUNCTION(reciprocal(x)), REAL(1 / x), REAL(-1 / (x * x)), ulps(1)},
      {"rsqrt", FUNCTION(rsqrt(x)), REAL(1 / std::sqrt(x)), {}, ulps(2)},
      {"sin", FUNCTION(sin(x)), REAL(std::sin(x)), REAL(std::cos(x)), ulps(4), {3.1415927410125732, 1e5, -7e18, 22}},
      {"cos", FUNCTION(cos(x)), REAL(std::cos(x)), REAL(-std::sin(x)), ulps(4), {1.5707963705062866, 1e5, -7e18, 22}},
      {"softplus", FUNCTION(softplus(x)), softplus, sigmoid, ulps(6), {-20, -60, 1e-3, 20}},
      {"log_sigmoid", FUNCTION(log_sigmoid(x)), REAL(-softplus(-x)), REAL(sigmoid(-x)), ulps(6), {20, 60}},
      {"gelu_tanh",
       FUNCTION(gelu_tanh(x)),
       REAL(x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))),
       geluTanhSlope,
       ulps(100, 0.01),
       {-3, 10, -10, 31}},
      {"silu", FUNCTION(silu(x)), REAL(x * sigmoid(x)), siluSlope, ulps(8), {-20, 20}},
      // In f32 e^-88 is 0.
      {"mish", FUNCTION(mish(x)), REAL(x * std::tanh(softplus(x))), mishSlope, ulps(16), {-20, 20}, 1e-30},
      {"elu",
       FUNCTION(elu(x, 1.5)),
       REAL(x > 0 ? x : 1.5 * std::expm1(x)),
       REAL(x > 0 ? 1 : 1.5 * std::exp(x)),
       ulps(8),
       {1e-4, -1e-4, -20}},
      {"leaky_relu", FUNCTION(leaky_relu(x, 0.25)), REAL(x > 0 ? x : 0.25 * x), REAL(x > 0 ? 1 : 0.25), {}},
      {"hardsigmoid", FUNCTION(hardsigmoid(x)), ramp, rampSlope, ulps(1), {-3, 3, 2.5}},
      {"hardswish",
       FUNCTION(hardswish(x)),
       REAL(x * ramp(x)),
       REAL(ramp(x) + (rampSlope(x) == 0 ? 0 : x / 6)),
       ulps(2),
       {-3, 3, 2.5}},
      {"clamp",
       FUNCTION(clamp(x, -1, 2)),
       REAL(keepNan(x, std::fmin(std::fmax(x, -1), 2))),
       REAL(x >= -1 && x <= 2),
       {},
       {2}},
  };
}

Operand special(const std::vector<double> &kinks) {
  std::vector<double> values{NAN, inf, -inf, -0.0, 0.0, 1e-40, -1e-40, 3e38, -3e38, 88, -88, 1, -1, 0.5};
  values.insert(values.end(), kinks.begin(), kinks.end());
  return {"x", {(int64_t)values.size()}, cycle(values)};
}

Case binary(const std::string &name, Operand a, Operand b, const Function &body,
            const std::function<double(double, double)> &value) {
  return function(
      name, {a, b}, body, [=](const Arrays &v) { return reference::binary(v[0], v[1], value); }, ulps(1));
}

/// As Python has it.
double remainderOf(double a, double b) {
  double rest = std::fmod(a, b);
  return rest == 0 ? std::copysign(0, b) : (rest < 0) != (b < 0) ? rest + b : rest;
}

std::vector<Case> otherCases() {
  auto rest = [](const Tensors &v) { return remainder(v[0], v[1]); };
  Kind boolean = Kind::boolean;
  Operand p{"p", {17, 1}, whole(0, 2), boolean}, q{"q", {3}, whole(0, 2), boolean};
  Operand a{"a", {14, 1}, cycle({NAN, inf, -inf, -0.0, 0.0, 5.5, -5.5, 3e38, -3e38, 1e-3, 7, -7, 0.1, 1})};
  Operand b{"b", {9}, cycle({NAN, inf, -inf, 0.0, 2, -2, 0.1, 3e38, -1e-3})};
  return {
      valuesOnly(function("is_nan", {special({})}, FUNCTION(is_nan(x)),
                          [](const Arrays &v) { return reference::unary(v[0], REAL(std::isnan(x))); }, {})),
      valuesOnly(binary(
          "logical_and", p, q, [](const Tensors &v) { return logical_and(v[0], v[1]); }, std::logical_and<>())),
      valuesOnly(binary(
          "logical_or", p, q, [](const Tensors &v) { return logical_or(v[0], v[1]); }, std::logical_or<>())),
      valuesOnly(function("logical_not", {p}, FUNCTION(logical_not(x)),
                          [](const Arrays &v) { return reference::unary(v[0], std::logical_not<>()); }, {})),
      binary("remainder", {"a", {17, 3}, uniform(-9, 9)}, {"b", {17, 1}, cycle({2.5, -1.75, 40})}, rest, remainderOf),
      valuesOnly(binary("remainder_special", a, b, rest, remainderOf), true),
      valuesOnly(binary("remainder_i32", {"a", {19, 1}, whole(-9, 10), Kind::i32},
                        {"b", {7}, cycle({3, -3, 1, -1, 7, -20, 0}), Kind::i32}, rest,
                        [](double a, double b) { return b == 0 ? 0 : remainderOf(a, b); })),
      valuesOnly(binary(
          "floor_div_i32", {"a", {19, 1}, whole(-9, 10), Kind::i32},
          {"b", {7}, cycle({3, -3, 1, -1, 7, -20, 0}), Kind::i32},
          [](const Tensors &v) { return floor_div(v[0], v[1]); },
          [](double a, double b) { return b == 0 ? 0 : std::floor(a / b); })),
      valuesOnly(function("abs_i64", {{"x", {17}, whole(-99, 99), Kind::i64}}, FUNCTION(abs(x)),
                          [](const Arrays &v) { return reference::unary(v[0], REAL(std::abs(x))); }, {})),
      valuesOnly(function("sign_i32", {{"x", {17}, whole(-2, 3), Kind::i32}}, FUNCTION(sign(x)),
                          [](const Arrays &v) { return reference::unary(v[0], signOf); }, {})),
      function(
          "gelu_tanh_items", {{"x", {5, 113}}}, FUNCTION(gelu_tanh(x * 2 + 1)),
          [](const Arrays &v) {
            return reference::unary(v[0], [](double x) {
              return (2 * x + 1) * sigmoid(2 * std::sqrt(2 / M_PI) * ((2 * x + 1) + 0.044715 * std::pow(2 * x + 1, 3)));
            });
          },
          ulps(32, 0.5)),
  };
}

} // namespace

Suite activationsSuite() {
  std::vector<Case> cases = otherCases();
  for (const Activation &each : activations()) {
    auto value = [=](const Arrays &v) { return reference::unary(v[0], each.value); };
    bool positive = each.name == "rsqrt" || each.name == "reciprocal";
    Operand x{"x", {3, 19}, positive ? uniform(0.5, 4) : uniform(-4, 4)}, specials = special(each.kinks);
    Bound bound = each.bound;
    Case plain = function(each.name, {x}, each.function, value, bound);
    bound.floor = each.floor;
    Case special = valuesOnly(function(each.name + "_special", {specials}, each.function, value, bound), true);
    // What is exact rounds nowhere: it is in low precision too.
    plain.composed = special.composed = bound.f64 != 0;
    cases.insert(cases.end(), {plain, special});
    if (each.slope) cases.push_back(slope(each.name, specials, each.function, each.slope, ulps(16, 0.5)));
  }
  return {"Activations", cases};
}

} // namespace fovea::ops
