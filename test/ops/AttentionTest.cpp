// Drawn cases of attention: 500 of values and 200 of gradients, of which the tests take a sample. OPS_DEVICE names a
// device to run them on.
#include "test/ops/AttentionCombinations.h"
#include "test/ops/Check.h"

#include <cstdlib>
#include <gtest/gtest.h>

namespace fovea::ops {

static uint64_t setting(const char *name, uint64_t otherwise) {
  const char *value = std::getenv(name);
  return value ? std::strtoull(value, nullptr, 10) : otherwise;
}

/// ATTENTION_COUNT cases from seed ATTENTION_SEED on, some together in a module.
static void run(bool gradient, Precision precision, uint64_t count) {
  constexpr uint64_t together = 10;
  Setting how{precision};
  if (const char *device = std::getenv("OPS_DEVICE")) how.target = device;
  uint64_t first = setting("ATTENTION_SEED", 1), last = first + setting("ATTENTION_COUNT", count);
  for (uint64_t seed = first; seed < last; seed += together) {
    Suite suite{"Attention", {}};
    for (uint64_t each = seed; each < std::min(seed + together, last); ++each)
      suite.cases.push_back(drawAttention(each, gradient));
    SCOPED_TRACE("from seed " + std::to_string(seed));
    check(suite, how);
  }
}

TEST(Attention, ValuesMatchF32) { run(false, Precision::f32, 10); }
TEST(Attention, GradientsMatchF64) { run(true, Precision::f64, 10); }
TEST(Attention, ValuesMatchF64) { run(false, Precision::f64, 10); }
TEST(Attention, GradientsMatchF32) { run(true, Precision::f32, 10); }
TEST(Attention, ValuesMatchBF16) { run(false, Precision::bf16, 10); }
TEST(Attention, GradientsMatchBF16) { run(true, Precision::bf16, 10); }

} // namespace fovea::ops
