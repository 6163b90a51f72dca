// One library for several processors, several handles at once, and several models in one program.
#include "digits.h"
#include "digits_targets.h"

#include "test/run/Trained.h"

#include <algorithm>
#include <cmath>
#include <thread>

FOVEA_TRAINED(digits, float);
FOVEA_TRAINED(digits_targets, float);

namespace {

constexpr int64_t batch = 17;

/// Losses of a few steps, then logits.
template <typename Trained> std::vector<float> run(Trained &trained, int steps = 4) {
  std::vector<float> results(steps + batch * 10);
  auto label = labelsFor(batch);
  for (int step = 0; step < steps; ++step)
    trained.train_step(batch, pictures<float>(batch, step + 1).data(), label.data(), 1e-3f, &results[step]);
  trained.forward(batch, pictures<float>(batch, 99).data(), &results[steps]);
  return results;
}

bool machineRuns(const std::string &target) {
  auto targets = targetsOfThisMachine();
  return std::count(targets.begin(), targets.end(), target);
}

/// What create says of a target, or nothing where it succeeds.
std::string refusal(const char *target) {
  digits_targets_options options = DIGITS_TARGETS_OPTIONS_DEFAULT;
  options.sizes.batch = 1;
  options.target = target;
  digits_targets *model = digits_targets_create(&options);
  std::string why = model ? "" : digits_targets_last_error(nullptr);
  digits_targets_destroy(model);
  return why;
}

} // namespace

TEST(Targets, ResultsAgree) {
  std::vector<float> expected;
  for (const char *target : {"x86-64", "x86-64-v3", "x86-64-v4"}) {
    if (!machineRuns(target)) {
      EXPECT_NE(refusal(target).find(target), std::string::npos) << refusal(target);
      continue;
    }
    digits_targets_trained trained(batch, 2, 1, target);
    EXPECT_STREQ(digits_targets_target(trained.model), target);
    std::vector<float> results = run(trained);
    if (expected.empty()) expected = results;
    for (size_t i = 0; i < results.size(); ++i) ASSERT_NEAR(results[i], expected[i], 1e-4) << target << ", " << i;
  }
}

TEST(Targets, TheBestThatTheMachineRunsIsTaken) {
  digits_targets_trained trained(1);
  std::string best = machineRuns("x86-64-v4") ? "x86-64-v4" : machineRuns("x86-64-v3") ? "x86-64-v3" : "x86-64";
  EXPECT_EQ(digits_targets_target(trained.model), best);
}

TEST(Targets, AnUnknownOneIsAnError) {
  for (const char *target : {"x86-64-v5", "", "host"})
    EXPECT_NE(refusal(target).find("target"), std::string::npos) << target;
}

TEST(Handles, RunAtOnceFromTwoThreads) {
  digits_trained alone(batch, 2, 1), other(batch, 2, 2);
  auto first = run(alone), second = run(other);
  EXPECT_NE(first, second);
  auto repeat = [](uint64_t seed, const std::vector<float> &expected) {
    for (int time = 0; time < 3; ++time) {
      digits_trained trained(batch, 2, seed);
      EXPECT_EQ(run(trained), expected) << "seed " << seed;
    }
  };
  std::thread a(repeat, 1, first), b(repeat, 2, second);
  a.join();
  b.join();
}

TEST(Handles, TwoModelsInOneProgram) {
  digits_trained host(batch, 2, 1);
  digits_targets_trained baseline(batch, 2, 1, "x86-64");
  auto image = pictures<float>(batch);
  auto label = labelsFor(batch);
  for (int step = 0; step < 3; ++step) { // alternating
    float losses[2];
    host.train_step(batch, image.data(), label.data(), 1e-3f, &losses[0]);
    baseline.train_step(batch, image.data(), label.data(), 1e-3f, &losses[1]);
    EXPECT_NEAR(losses[0], losses[1], 1e-4);
  }
}
