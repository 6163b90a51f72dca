// Elementary functions that are right for NaN, infinities and signed zeros under Halide's default floating-point flags.
// f32 is computed by polynomials (Cephes, Moshier 1992; errors of one to three units in the last place) and vectorises;
// f64 calls libm.
#pragma once

#include <Halide.h>

namespace fovea::math {

/// A function of libm, of and in f64.
Halide::Expr library(const char *name, const std::vector<Halide::Expr> &arguments);

/// One operation, rounded by itself. Under the default flags LLVM may take (product + bias) + x as product + (bias +
/// x), or fuse a multiplication with either of two additions, in the code for whole tiles and not in that for the last
/// one: then an item's bits would depend on its place in the batch.
Halide::Expr add(const Halide::Expr &a, const Halide::Expr &b);
Halide::Expr sub(const Halide::Expr &a, const Halide::Expr &b);
Halide::Expr mul(const Halide::Expr &a, const Halide::Expr &b);
Halide::Expr div(const Halide::Expr &a, const Halide::Expr &b);
/// By its bits: -inf stays what it is.
Halide::Expr neg(const Halide::Expr &x);

/// x as another type: float to integer truncates, integers wrap around, to bool what is not zero is true; f16 and bf16
/// are converted by way of f32, to the nearest, ties to even. On devices Halide knows bf16 as bits only.
Halide::Expr convert(Halide::Type type, const Halide::Expr &x, bool onDevice);

/// Comparisons as they are: by the default flags LLVM takes no number for infinite, and decides those with an infinite
/// constant beforehand. Of NaN they may say anything.
Halide::Expr equal(const Halide::Expr &a, const Halide::Expr &b);
Halide::Expr less(const Halide::Expr &a, const Halide::Expr &b);
Halide::Expr lessOrEqual(const Halide::Expr &a, const Halide::Expr &b);

Halide::Expr isNan(const Halide::Expr &x);
Halide::Expr isInfinite(const Halide::Expr &x);
/// |x| of floats and integers.
Halide::Expr abs(const Halide::Expr &x);
Halide::Expr floor(const Halide::Expr &x);
/// To the nearest whole number, of two to the even one.
Halide::Expr round(const Halide::Expr &x);
/// The integer itself, which LLVM sees and Halide does not.
Halide::Expr opaque(const Halide::Expr &x);
/// select(condition, a, b) without a select.
Halide::Expr selectBits(const Halide::Expr &condition, const Halide::Expr &a, const Halide::Expr &b);
/// Of b's sign, exact; 0 for the integer b = 0.
Halide::Expr remainder(const Halide::Expr &a, const Halide::Expr &b);
/// Of integers, rounded down; 0 for b = 0.
Halide::Expr floorDiv(const Halide::Expr &a, const Halide::Expr &b);
/// Right for all of f32: the argument is reduced with as many bits of 2 / pi as its exponent asks for.
Halide::Expr sin(const Halide::Expr &x);
Halide::Expr cos(const Halide::Expr &x);
/// e^x; exactly 0 below -87.33 in f32, so that no denormals follow.
Halide::Expr exp(const Halide::Expr &x);
/// e^x for x up to 0, as softmax needs it; in f32 exactly 0 below -87.7.
Halide::Expr expBelow(const Halide::Expr &x);
/// 2^x in f32 for x below 128; exactly 0 below -126.5.
Halide::Expr exp2(const Halide::Expr &x);
Halide::Expr log(const Halide::Expr &x);
Halide::Expr tanh(const Halide::Expr &x);
Halide::Expr erf(const Halide::Expr &x);
Halide::Expr sigmoid(const Halide::Expr &x);
Halide::Expr gelu(const Halide::Expr &x);
/// The derivative of gelu.
Halide::Expr geluSlope(const Halide::Expr &x);
Halide::Expr geluTanh(const Halide::Expr &x);
/// log(1 + e^x), to the last digits below zero too.
Halide::Expr softplus(const Halide::Expr &x);
Halide::Expr relu(const Halide::Expr &x);
Halide::Expr pow(const Halide::Expr &a, const Halide::Expr &b);
/// NaN if either is.
Halide::Expr maximum(const Halide::Expr &a, const Halide::Expr &b);
Halide::Expr minimum(const Halide::Expr &a, const Halide::Expr &b);
/// -inf and NaN as bit patterns, which the optimizer does not assume away.
Halide::Expr negativeInfinity(Halide::Type type);
Halide::Expr nan(Halide::Type type);

} // namespace fovea::math
