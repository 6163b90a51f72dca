// Every op, compiled and run, against the references.
#include "test/ops/Check.h"
#include "test/ops/Suites.h"

#include <gtest/gtest.h>

namespace fovea::ops {

struct Ops : testing::TestWithParam<std::tuple<size_t, Precision>> {};

TEST_P(Ops, Match) {
  auto [index, precision] = GetParam();
  check(staticSuites()[index], {precision});
}

INSTANTIATE_TEST_SUITE_P(
    , Ops,
    testing::Combine(testing::Range<size_t>(0, staticSuites().size()),
                     testing::Values(Precision::f32, Precision::f64, Precision::bf16, Precision::f16)),
    [](const auto &info) { return staticSuites()[std::get<0>(info.param)].name + nameOf(std::get<1>(info.param)); });

struct Batch : testing::TestWithParam<std::tuple<Precision, bool>> {};

TEST_P(Batch, Match) {
  auto [precision, checks] = GetParam();
  check(batchSuite(), {precision, checks, {1, 3, 37}});
}

INSTANTIATE_TEST_SUITE_P(, Batch,
                         testing::Values(std::tuple(Precision::f32, false), std::tuple(Precision::f32, true),
                                         std::tuple(Precision::f64, false), std::tuple(Precision::bf16, false)),
                         [](const auto &info) {
                           return std::string(nameOf(std::get<0>(info.param))) +
                                  (std::get<1>(info.param) ? "Checks" : "");
                         });

} // namespace fovea::ops
