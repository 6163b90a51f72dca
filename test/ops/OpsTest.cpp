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

/// Every suite in every precision that one of its cases runs in.
static std::vector<std::tuple<size_t, Precision>> settings() {
  std::vector<std::tuple<size_t, Precision>> result;
  auto suites = staticSuites();
  for (size_t index = 0; index < suites.size(); ++index)
    for (Precision precision : {Precision::f32, Precision::f64, Precision::bf16, Precision::f16})
      if (llvm::any_of(suites[index].cases, [&](const Case &each) { return runsIn(each, precision); }))
        result.push_back({index, precision});
  return result;
}

INSTANTIATE_TEST_SUITE_P(, Ops, testing::ValuesIn(settings()), [](const auto &info) {
  return staticSuites()[std::get<0>(info.param)].name + nameOf(std::get<1>(info.param));
});

struct Batch : testing::TestWithParam<std::tuple<Precision, bool>> {};

TEST_P(Batch, Match) {
  auto [precision, checks] = GetParam();
  check(batchSuite(), {precision, checks, {1, 3, 37}});
}

INSTANTIATE_TEST_SUITE_P(, Batch,
                         testing::Values(std::tuple(Precision::f32, false), std::tuple(Precision::f32, true),
                                         std::tuple(Precision::f64, false), std::tuple(Precision::bf16, false),
                                         std::tuple(Precision::f16, false)),
                         [](const auto &info) {
                           return std::string(nameOf(std::get<0>(info.param))) +
                                  (std::get<1>(info.param) ? "Checks" : "");
                         });

TEST(Relatives, MatchWithABatch) { check(relativesBatchSuite(), {Precision::f64, false, {1, 3}}); }

} // namespace fovea::ops
