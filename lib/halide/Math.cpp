// Elementary functions: special values are told by integer tests on the bits.
#include "lib/halide/Math.h"

#include "lib/kernels/Gelu.h"

#include <cmath>

using Halide::cast;
using Halide::Expr;
using Halide::reinterpret;
using Halide::select;

namespace fovea::math {

namespace {

Halide::Type bitsType(const Expr &x) { return Halide::Int(x.type().bits()); }
Expr bits(const Expr &x) { return reinterpret(bitsType(x), x); }
Expr integer(const Expr &x, int64_t value) { return Halide::Internal::make_const(bitsType(x), value); }
Expr real(const Expr &x, double value) { return Halide::Internal::make_const(x.type(), value); }
bool isDouble(const Expr &x) { return x.type().bits() == 64; }
/// The bits of x without its sign, and those of infinity.
Expr magnitude(const Expr &x) { return bits(x) & integer(x, isDouble(x) ? INT64_MAX : INT32_MAX); }
Expr infinityBits(const Expr &x) { return integer(x, isDouble(x) ? 0x7ff0000000000000 : 0x7f800000); }

Expr polynomial(const Expr &x, std::initializer_list<double> coefficients) {
  Expr result;
  for (double coefficient : coefficients)
    result = result.defined() ? result * x + real(x, coefficient) : real(x, coefficient);
  return result;
}

Expr negated(const Expr &x) {
  return reinterpret(x.type(), bits(x) ^ integer(x, isDouble(x) ? INT64_MIN : (int64_t)INT32_MIN));
}
/// x, not negative, with the sign of `sign`. As a choice: bits joined by `or` give wrong code for AVX-512 where `sign`
/// is widened from bf16 (LLVM 21, in Halide 21).
Expr withSign(const Expr &x, const Expr &sign) { return select(bits(sign) < 0, negated(x), x); }
Expr absolute(const Expr &x) { return reinterpret(x.type(), magnitude(x)); }

using Halide::Internal::Call;

Expr single(Call::IntrinsicOp operation, const Expr &a, const Expr &b) {
  return Call::make(a.type(), operation, {a, b}, Call::PureIntrinsic);
}

} // namespace

Expr library(const char *name, const std::vector<Expr> &arguments) {
  return Call::make(Halide::Float(64), name, arguments, Call::PureExtern);
}

Expr add(const Expr &a, const Expr &b) { return a.type().is_float() ? single(Call::strict_add, a, b) : a + b; }
Expr sub(const Expr &a, const Expr &b) { return a.type().is_float() ? single(Call::strict_sub, a, b) : a - b; }
Expr mul(const Expr &a, const Expr &b) { return a.type().is_float() ? single(Call::strict_mul, a, b) : a * b; }
Expr div(const Expr &a, const Expr &b) { return a.type().is_float() ? single(Call::strict_div, a, b) : a / b; }

Expr neg(const Expr &x) { return x.type().is_float() ? negated(x) : -x; }

static Expr compared(Call::IntrinsicOp operation, const Expr &a, const Expr &b) {
  return Call::make(Halide::Bool(a.type().lanes()), operation, {a, b}, Call::PureIntrinsic);
}
Expr equal(const Expr &a, const Expr &b) { return a.type().is_float() ? compared(Call::strict_eq, a, b) : a == b; }
Expr less(const Expr &a, const Expr &b) { return a.type().is_float() ? compared(Call::strict_lt, a, b) : a < b; }
Expr lessOrEqual(const Expr &a, const Expr &b) {
  return a.type().is_float() ? compared(Call::strict_le, a, b) : a <= b;
}

Expr isNan(const Expr &x) { return magnitude(x) > infinityBits(x); }
Expr isInfinite(const Expr &x) { return magnitude(x) == infinityBits(x); }
/// Half of the bits, rounded; a NaN must not round to infinity.
static Expr toBFloat(const Expr &x) {
  auto word = [](uint32_t value) { return Halide::Internal::make_const(Halide::UInt(32), (uint64_t)value); };
  Expr b = reinterpret<uint32_t>(x), upper = b >> word(16);
  Expr rounded = select(isNan(x), upper | word(0x40), (b + word(0x7fff) + (upper & word(1))) >> word(16));
  return reinterpret(Halide::BFloat(16), cast<uint16_t>(rounded));
}

Expr opaque(const Expr &x) { return Halide::halving_add(x, x); }

Expr selectBits(const Expr &condition, const Expr &a, const Expr &b) {
  if (a.type().is_bool()) return (condition && a) || (!condition && b);
  Halide::Type bits = Halide::Int(a.type().bits());
  Expr mask = -cast(bits, condition);
  return reinterpret(a.type(), (reinterpret(bits, a) & mask) | (reinterpret(bits, b) & ~mask));
}

static Expr fromBFloat(const Expr &x) {
  return reinterpret<float>(cast<uint32_t>(reinterpret<uint16_t>(x))
                            << Halide::Internal::make_const(Halide::UInt(32), 16));
}

Expr convert(Halide::Type type, const Expr &x, bool onDevice) {
  Halide::Type from = x.type(), single = Halide::Float(32);
  if (from == type) return x;
  if (from.is_bfloat() && onDevice) return convert(type, fromBFloat(x), onDevice);
  if ((from.is_bfloat() || from == Halide::Float(16)) && type != single) return convert(type, cast<float>(x), onDevice);
  if (type.is_bool()) return from.is_float() ? magnitude(x) != 0 : x != Halide::Internal::make_zero(from);
  if (type.is_bfloat()) return toBFloat(convert(single, x, onDevice));
  if (type == Halide::Float(16) && from != single) return convert(type, convert(single, x, onDevice), onDevice);
  if (from.is_float() && !type.is_float() && type.bits() < 32) return cast(type, cast<int32_t>(x));
  if (type == Halide::Float(64) && !from.is_float() && from.bits() <= 16) {
    // Where Halide sees a narrow integer behind a double, it multiplies it by a constant of half precision, and fails.
    return cast(type, opaque(from.is_bool() ? select(x, 1, 0) : cast<int32_t>(x)));
  }
  return cast(type, x);
}

Expr negativeInfinity(Halide::Type type) {
  return type.bits() == 64
             ? reinterpret(type, Halide::Internal::make_const(Halide::Int(64), (int64_t)0xfff0000000000000))
             : reinterpret(type, Halide::Internal::make_const(Halide::Int(32), (int64_t)(int32_t)0xff800000));
}
Expr nan(Halide::Type type) {
  return type.bits() == 64 ? reinterpret(type, Halide::Internal::make_const(Halide::Int(64), 0x7ff8000000000000))
                           : reinterpret(type, Halide::Internal::make_const(Halide::Int(32), 0x7fc00000));
}

Expr abs(const Expr &x) { return x.type().is_float() ? absolute(x) : select(x < 0, -x, x); }
Expr floor(const Expr &x) { return Halide::floor(x); }
Expr round(const Expr &x) { return Halide::round(x); }

Expr remainder(const Expr &a, const Expr &b) {
  if (!a.type().is_float()) {
    Expr euclidean = a % b; // 0 <= a % b < |b|
    return select(euclidean != 0 && b < 0, euclidean + b, euclidean);
  }
  if (!isDouble(a)) return cast<float>(remainder(cast<double>(a), cast<double>(b)));
  Expr rest = library("fmod", {a, b}); // of a's sign
  return select(magnitude(rest) == 0, withSign(absolute(rest), b), (bits(rest) ^ bits(b)) < 0, add(rest, b), rest);
}

Expr floorDiv(const Expr &a, const Expr &b) {
  Expr euclidean = a / b; // 0 <= a - b * (a / b) < |b|
  return select(b < 0 && a % b != 0, euclidean - 1, euclidean);
}

/// x = whole + rest, with the rest in [0, 1] but for rounding, and 2^whole: 0 for -127, infinity for 128.
struct Split {
  Expr whole, power;
};

/// Of x from -127 to 129. In strict operations, or LLVM takes x - (n - 127) as (x - n) + 127, which is less exact.
/// Halide's floor is half as wide as an AVX-512 vector.
static Split splitPower(const Expr &x) {
  Expr biased = cast<int32_t>(x + 127.0f);
  return {sub(cast<float>(biased), 127.0f), reinterpret<float>(biased << 23)};
}

Expr exp(const Expr &x) {
  if (isDouble(x)) return library("exp", {x});
  // 2^n e^r, r in [0, ln 2): n = -127 where the result is denormal, 128 where it is infinite.
  Expr bounded = clamp(x, -88.0f, 89.0f);
  Split split = splitPower(bounded * 1.44269502f);
  // ln 2 in two parts, the first of which multiplies without rounding: not every target fuses the product with the sum.
  Expr r = sub(bounded, split.whole * 0.693359375f) - split.whole * -2.12194440e-4f;
  Expr p = polynomial(r, {1.91336416e-3, 7.86695586e-3, 4.18558501e-2, 1.66631704e-1, 5.00002302e-1, 1, 1});
  return select(isNan(x), x, p * split.power);
}

Expr exp2(const Expr &x) {
  // 2^(n + r), |r| <= 0.5. n + 127 is in the lowest bits of the sum; n = -127 gives 0. A NaN is not less. Rounding is
  // strict, or LLVM takes the shift away again. The coefficients make the largest relative error, 1e-7, least.
  Expr bounded = select(less(x, -127.0f), -127.0f, x), shift = 12583039.0f; // 1.5 * 2^23 + 127
  Expr shifted = add(bounded, shift), r = sub(bounded, sub(shifted, shift));
  Expr p = polynomial(r, {1.3264727e-3, 9.6715130e-3, 5.5507336e-2, 2.4022242e-1, 6.9314700e-1, 1.0});
  return p * reinterpret<float>(bits(shifted) << 23);
}

Expr expBelow(const Expr &x) { return isDouble(x) ? library("exp", {x}) : exp2(x * 1.44269504f); }

Expr log(const Expr &x) {
  if (isDouble(x)) return library("log", {x});
  Expr b = bits(x), isnan = isNan(x);
  Expr tiny = magnitude(x) < 0x00800000; // denormal: scaled up by 2^23
  Expr scaled = select(tiny, x * 8388608.0f, x);
  Expr sb = bits(scaled);
  Expr shifted = sb - 0x3f3504f3; // exponent such that the mantissa is in [sqrt 1/2, sqrt 2)
  Expr e = cast<float>((shifted >> 23) - select(tiny, 23, 0));
  Expr m = sub(reinterpret<float>((shifted & 0x007fffff) + 0x3f3504f3), 1.0f); // or Halide takes the 1 last
  Expr z = m * m;
  Expr y = polynomial(m, {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
                          -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1}) *
           m * z;
  y = y + e * -2.12194440e-4f - z * 0.5f;
  Expr result = m + y + e * 0.693359375f;
  return reinterpret<float>(
      select(magnitude(x) == 0, (int32_t)0xff800000, isnan, b, b < 0, 0x7fc00000, b == 0x7f800000, b, bits(result)));
}

Expr tanh(const Expr &x) {
  if (isDouble(x)) return library("tanh", {x});
  Expr a = absolute(x), z = x * x;
  Expr small =
      polynomial(z, {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1}) * z *
          x +
      x;
  Expr large = 1.0f - 2.0f / (math::exp(a + a) + 1.0f);
  return select(isNan(x), x, withSign(select(magnitude(x) < 0x3f200000, absolute(small), large), x)); // 0.625
}

Expr erf(const Expr &x) {
  if (isDouble(x)) return library("erf", {x});
  Expr a = absolute(x), z = x * x, t = min(a, 8.0f);
  Expr small =
      x * polynomial(z, {-6.54959596e-4, 5.08743974e-3, -2.68221085e-2, 1.12831428e-1, -3.76126038e-1, 1.12837916});
  // 1 - erf as a power of two; the polynomial falls for ever.
  Expr tail = 1.0f - math::exp2(polynomial(t, {-2.76355083e-5, 5.95135126e-4, -5.86780588e-3, 3.58556259e-2,
                                               -1.55638239e-1, -9.1423445e-1, -1.62930259, 2.03266288e-4}));
  return select(isNan(x), x, select(magnitude(x) < 0x3f4ccccd, small, withSign(tail, x))); // 0.8
}

Expr sigmoid(const Expr &x) { return real(x, 1) / (real(x, 1) + math::exp(-x)); }

/// The fourth power of a polynomial of |x|, which falls to exactly 0 before `end` and is 0 from there.
static Expr fourthPower(const Expr &x, double end, std::initializer_list<double> coefficients) {
  Expr root = max(polynomial(min(absolute(x), real(x, end)), coefficients), real(x, 0)), square = root * root;
  return mul(square, square);
}

Expr gelu(const Expr &x) {
  if (isDouble(x)) return x * ((math::erf(x * real(x, M_SQRT1_2)) + real(x, 1)) * real(x, 0.5));
  Expr below = fourthPower(x, geluEnd, geluRoot); // x Phi(x)
  return x * select(bits(x) < 0, below, 1.0f - below);
}

Expr geluSlope(const Expr &x) {
  if (isDouble(x))
    return (math::erf(x * real(x, M_SQRT1_2)) + real(x, 1)) * real(x, 0.5) + max(min(x, real(x, 40)), real(x, -40)) *
                                                                                 math::exp(x * x * real(x, -0.5)) *
                                                                                 real(x, M_2_SQRTPI * M_SQRT1_2 * 0.5);
  // Phi + x phi of -|x|, with gelu's own Phi; where that cuts |x| off, x phi is below 4e-7 and falls.
  Expr density = math::exp2(x * x * real(x, -0.5 * M_LOG2E) + real(x, -0.5 * std::log2(2 * M_PI)));
  Expr below = fourthPower(x, geluEnd, geluRoot) - min(absolute(x), real(x, geluEnd)) * density;
  return select(bits(x) < 0, below, 1.0f - below);
}

Expr geluTanh(const Expr &x) {
  // x / (1 + e^-2v) is x (1 + tanh v) / 2 without cancellation below zero.
  Expr v = x + x * x * x * real(x, 0.044715);
  return x * math::sigmoid(v * real(x, 2 * M_SQRT2 / std::sqrt(M_PI)));
}

Expr softplus(const Expr &x) {
  Expr e = math::exp(-absolute(x)), logarithm;
  if (isDouble(x)) {
    logarithm = library("log1p", {e});
  } else {
    // log(1 + e), and what 1 + e lost in rounding.
    Expr sum = add(real(x, 1), e);
    logarithm = add(math::log(sum), sub(e, sub(sum, real(x, 1))));
  }
  return add(math::relu(x), logarithm);
}

Expr relu(const Expr &x) {
  // Negative and not NaN: the sign bit is set and the magnitude at most infinity.
  return select(bits(x) < 0 && magnitude(x) <= infinityBits(x), real(x, 0), x);
}

Expr pow(const Expr &a, const Expr &b) {
  if (isDouble(a)) return library("pow", {a, b});
  return cast<float>(library("pow", {cast<double>(a), cast<double>(b)}));
}

Expr maximum(const Expr &a, const Expr &b) {
  if (!a.type().is_float()) return max(a, b);
  return select(isNan(a), a, isNan(b), b, max(a, b));
}
Expr minimum(const Expr &a, const Expr &b) {
  if (!a.type().is_float()) return min(a, b);
  return select(isNan(a), a, isNan(b), b, min(a, b));
}

} // namespace fovea::math
