// The harness notices what is wrong.
#include "test/ops/Check.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

namespace fovea::ops {

/// x + 1 against a reference that adds `wanted`, and in training moves `slope` times as fast.
static void checkSum(double wanted, double slope) {
  Case sum{"sum",
           {{"x", {17}}},
           [](const Build &build, Values v) {
             auto one = mlir::DenseElementsAttr::get(build.type({}),
                                                     mlir::Attribute(build.builder.getFloatAttr(build.real, 1)));
             return SmallVector<Value>{build.make<AddOp>(v[0], build.make<ConstantOp>(one))};
           },
           [=](const Arrays &a) { return Arrays{reference::unary(a[0], [=](double x) { return x + wanted; })}; },
           ulps(1)};
  // The same loss at the operand's values, where slope is 1 or not.
  Array center = valuesOf(sum, sum.operands[0], 1, Precision::f64);
  sum.trained = [=](const Arrays &a) {
    Array moved = reference::binary(a[0], center, [=](double x, double at) { return at + slope * (x - at) + 1; });
    return Arrays{moved};
  };
  check({"Sum", {sum}}, {});
}

TEST(Harness, AcceptsWhatIsRight) { checkSum(1, 1); }
TEST(Harness, RejectsAWrongValue) { EXPECT_NONFATAL_FAILURE(checkSum(1 + 1e-12, 1), "sum.r0"); }
TEST(Harness, RejectsAWrongGradient) { EXPECT_NONFATAL_FAILURE(checkSum(1, 1 + 1e-5), "gradient/sum.x"); }
TEST(Harness, RejectsAnEmptySuite) { EXPECT_FATAL_FAILURE(check({"Empty", {}}, {}), "no case ran"); }

} // namespace fovea::ops
