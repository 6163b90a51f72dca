// Every op, compiled and run, against the references.
#include "test/ops/Check.h"
#include "test/ops/Suites.h"

#include <gtest/gtest.h>

namespace fovea::ops {

struct Ops : testing::TestWithParam<std::tuple<size_t, bool>> {};

TEST_P(Ops, Match) {
  auto [index, f64] = GetParam();
  check(staticSuites()[index], {f64});
}

INSTANTIATE_TEST_SUITE_P(, Ops, testing::Combine(testing::Range<size_t>(0, staticSuites().size()), testing::Bool()),
                         [](const auto &info) {
                           return staticSuites()[std::get<0>(info.param)].name +
                                  (std::get<1>(info.param) ? "F64" : "F32");
                         });

struct Batch : testing::TestWithParam<std::tuple<bool, bool>> {};

TEST_P(Batch, Match) {
  auto [f64, checks] = GetParam();
  check(batchSuite(), {f64, checks, {1, 3, 37}});
}

INSTANTIATE_TEST_SUITE_P(, Batch,
                         testing::Values(std::tuple(false, false), std::tuple(false, true), std::tuple(true, false)),
                         [](const auto &info) {
                           return std::string(std::get<0>(info.param) ? "F64" : "F32") +
                                  (std::get<1>(info.param) ? "Checks" : "");
                         });

} // namespace fovea::ops
