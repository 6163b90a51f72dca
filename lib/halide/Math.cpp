// Elementary functions: special values are told by integer tests on the bits.
#include "lib/halide/Math.h"

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

Expr convert(Halide::Type type, const Expr &x) {
  Halide::Type from = x.type(), single = Halide::Float(32);
  if (from == type) return x;
  if ((from.is_bfloat() || from == Halide::Float(16)) && type != single) return convert(type, cast<float>(x));
  if (type.is_bool()) return from.is_float() ? magnitude(x) != 0 : x != Halide::Internal::make_zero(from);
  if (type.is_bfloat()) return toBFloat(convert(single, x));
  if (type == Halide::Float(16) && from != single) return convert(type, convert(single, x));
  if (from.is_float() && !type.is_float() && type.bits() < 32) return cast(type, cast<int32_t>(x));
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

Expr exp(const Expr &x) {
  if (isDouble(x)) return library("exp", {x});
  Expr b = bits(x), isnan = isNan(x);
  Expr clamped = clamp(select(isnan, 0.0f, x), -87.33f, 88.73f);
  Expr n = Halide::floor(clamped * 1.44269504088896341f + 0.5f);
  Expr r = clamped - n * 0.693359375f + n * 2.12194440e-4f;
  Expr p = polynomial(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
                          5.0000001201e-1}) *
               (r * r) +
           r + 1.0f;
  Expr scaled = bits(p) + (cast<int32_t>(n) << 23);
  Expr below = b < 0 && magnitude(x) > 0x42aea8f6; // x < -87.33
  Expr above = b >= 0 && b > 0x42b17218;           // x > 88.72284
  return reinterpret<float>(select(isnan, b, below, 0, above, 0x7f800000, scaled));
}

Expr exp2(const Expr &x) {
  Expr clamped = max(x, -126.0f), n = cast<int32_t>(clamped - 0.5f), r = clamped - cast<float>(n); // |r| <= 0.5
  // The coefficients make the largest relative error, 1e-7, least.
  Expr p = polynomial(r, {1.3264727e-3, 9.6715130e-3, 5.5507336e-2, 2.4022242e-1, 6.9314700e-1, 1.0});
  Expr outside = magnitude(x) > 0x42fc0000; // of -126; NaN too
  return reinterpret<float>(select(outside, select(isNan(x), bits(x), 0), bits(p) + (n << 23)));
}

Expr log(const Expr &x) {
  if (isDouble(x)) return library("log", {x});
  Expr b = bits(x), isnan = isNan(x);
  Expr tiny = magnitude(x) < 0x00800000; // denormal: scaled up by 2^23
  Expr scaled = select(tiny, x * 8388608.0f, x);
  Expr sb = bits(scaled);
  Expr shifted = sb - 0x3f3504f3; // exponent such that the mantissa is in [sqrt 1/2, sqrt 2)
  Expr e = cast<float>((shifted >> 23) - select(tiny, 23, 0));
  Expr m = reinterpret<float>((shifted & 0x007fffff) + 0x3f3504f3) - 1.0f;
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
  Expr a = absolute(x), z = x * x;
  Expr small =
      x * polynomial(z, {7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2,
                         1.128358514861418e-1, -3.761262582423300e-1, 1.128379165726710e0});
  Expr q = 1.0f / clamp(a, 1.0f, 12.0f), y = q * q;
  Expr middle = polynomial(y, {2.326819970068386e-2, -1.387039388740657e-1, 3.687424674597105e-1, -5.824733027278666e-1,
                               6.210004621745983e-1, -4.944515323274145e-1, 3.404879937665872e-1, -2.741127028184656e-1,
                               5.638259427386472e-1});
  Expr far = polynomial(y, {-1.047766399936249e1, 1.297719955372516e1, -7.495518717768503e0, 2.921019019210786e0,
                            -1.015265279202700e0, 4.218463358204948e-1, -2.820767439740514e-1, 5.641895067754075e-1});
  Expr tail = 1.0f - math::exp(-z) * q * select(magnitude(x) < 0x40000000, middle, far);
  return select(isNan(x), x, select(magnitude(x) < 0x3f800000, small, withSign(tail, x)));
}

Expr sigmoid(const Expr &x) { return real(x, 1) / (real(x, 1) + math::exp(-x)); }

Expr gelu(const Expr &x) { return x * ((math::erf(x * real(x, M_SQRT1_2)) + real(x, 1)) * real(x, 0.5)); }

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
