// Sine and cosine. f32 is reduced to [-pi/4, pi/4] by an integer product with the bits of 2 / pi that the argument's
// exponent leaves (Payne and Hanek 1983), so large arguments are as exact as small ones; then polynomials (Cephes,
// Moshier 1992).
#include "lib/halide/Math.h"

#include <cmath>

using Halide::cast;
using Halide::Expr;
using Halide::reinterpret;
using Halide::select;

namespace fovea::math {

namespace {

using Halide::Internal::make_const;

Expr real(double value) { return make_const(Halide::Float(64), value); }
Expr whole(uint64_t value) { return make_const(Halide::UInt(64), value); }

/// |x| = r + quadrant * pi / 2, up to multiples of 2 pi, with |r| <= pi / 4.
struct Reduced {
  Expr r, quadrant;
};

Reduced reduce(const Expr &magnitude) {
  // 32 zeros, then the bits of 2 / pi.
  constexpr uint32_t bits[8] = {0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};
  // |x| = m 2^(e - 23). Bits of 2 / pi before the (e - 24)th make multiples of 4 quadrants.
  Expr m = cast<uint64_t>((magnitude & 0x007fffff) | 0x00800000);
  Expr start = clamp((magnitude >> 23) - 120, 6, 134), word = start >> 5, shift = cast<uint64_t>(start & 31);
  auto window = [&](int first) {
    auto two = [&](int at) { return whole((uint64_t)bits[at] << 32 | bits[at + 1]); };
    Expr result = two(first);
    for (int at = 1; at <= 4; ++at) result = select(word == at, two(first + at), result);
    return result;
  };
  Expr high = window(0), low = window(2);
  Expr top = (high << shift) | ((low >> whole(1)) >> (whole(63) - shift)), rest = (low << shift) >> whole(32);
  Expr quadrants = m * top + ((m * rest) >> whole(32)); // in units of 2^-62
  Expr nearest = cast<int32_t>((quadrants + whole(uint64_t(1) << 61)) >> whole(62));
  Expr fraction = quadrants << whole(2); // signed, in units of 2^-64
  Expr upper = cast<double>(reinterpret<int32_t>(cast<uint32_t>(fraction >> whole(32)))),
       lower = cast<double>(cast<uint32_t>(fraction));
  Expr r = cast<float>((upper * real(0x1p-32) + lower * real(0x1p-64)) * real(M_PI_2));
  Expr small = magnitude < 0x3f490fdb; // pi / 4
  return {select(small, reinterpret<float>(magnitude), r), select(small, 0, nearest)};
}

/// sin(|x| + turn pi / 2), negated where `negative`.
Expr sine(const Expr &x, int turn, const Expr &negative) {
  Expr magnitude = reinterpret<int32_t>(x) & 0x7fffffff;
  Reduced reduced = reduce(magnitude);
  Expr r = reduced.r, quadrant = reduced.quadrant + turn, z = r * r;
  Expr odd = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * r + r;
  Expr even =
      ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * (z * z) - 0.5f * z + 1.0f;
  Expr value = reinterpret<int32_t>(select((quadrant & 1) == 0, odd, even));
  Expr flip = select(((quadrant & 2) != 0) != negative, make_const(Halide::Int(32), (int64_t)INT32_MIN), 0);
  return reinterpret<float>(select(magnitude >= 0x7f800000, 0x7fc00000, value ^ flip));
}

} // namespace

Expr sin(const Expr &x) {
  return x.type().bits() == 64 ? library("sin", {x}) : sine(x, 0, reinterpret<int32_t>(x) < 0);
}
Expr cos(const Expr &x) {
  return x.type().bits() == 64 ? library("cos", {x}) : sine(x, 1, Halide::Internal::const_false());
}

} // namespace fovea::math
