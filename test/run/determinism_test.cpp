// The same bits from run to run, for any number of threads, after a stop, and whatever a handle did before.
#include "digits.h"
#include "dropping.h"

#include "test/TemporaryFolder.h"
#include "test/run/Trained.h"

FOVEA_TRAINED(digits, float);
FOVEA_TRAINED(dropping, float);

namespace {

constexpr int64_t largest = 64;
constexpr int steps = 6;

// Batches smaller than any tile between ones of the largest size.
int64_t batchOf(int step) { return std::vector<int64_t>{largest, 3, largest, 1, 17}[step % 5]; }

template <typename Trained> void step(Trained &trained, int64_t batch, int number) {
  auto image = pictures<float>(batch, number + 1);
  auto label = labelsFor(batch);
  float loss;
  trained.train_step(batch, image.data(), label.data(), 1e-3f, &loss);
}

template <typename Trained> void train(Trained &trained, int from, int to) {
  for (int number = from; number < to; ++number) step(trained, batchOf(number), number);
}

template <typename Trained> std::vector<float> logits(Trained &trained, int64_t batch) {
  auto image = pictures<float>(batch, 99);
  std::vector<float> result(batch * 10);
  trained.forward(batch, image.data(), result.data());
  return result;
}

template <typename Model> struct Determinism : fovea::TemporaryFolder {
  std::string path(const char *name) const { return (folder / name).string(); }

  /// All that training goes on from.
  std::string stateOf(Model &trained) const {
    trained.save(path("state"));
    return bytesOf(path("state"));
  }
  std::string stateAfter(int threads) const {
    Model trained(largest, threads);
    train(trained, 0, steps);
    return stateOf(trained);
  }
};
using Models = testing::Types<digits_trained, dropping_trained>;
struct Names {
  template <typename Model> static std::string GetName(int) {
    return std::is_same_v<Model, digits_trained> ? "digits" : "dropping";
  }
};
TYPED_TEST_SUITE(Determinism, Models, Names);

} // namespace

TYPED_TEST(Determinism, AnyNumberOfThreadsAndAnyRun) {
  std::string one = this->stateAfter(1);
  EXPECT_GT(one.size(), 10000u);
  for (int threads : {1, 2, 7}) EXPECT_TRUE(this->stateAfter(threads) == one) << threads << " threads";
}

TYPED_TEST(Determinism, AnotherSeedGivesOtherParameters) {
  std::string parameters[2];
  for (uint64_t seed : {1, 2}) {
    TypeParam trained(largest, 2, seed);
    train(trained, 0, 1);
    trained.check(TypeParam::saveParameters(trained.model, this->path("parameters").c_str()));
    parameters[seed - 1] = bytesOf(this->path("parameters"));
  }
  EXPECT_FALSE(parameters[0] == parameters[1]);
}

TYPED_TEST(Determinism, AStoppedRunContinues) {
  std::string whole = this->stateAfter(2);
  for (int stop : {1, 4}) {
    {
      TypeParam first(largest);
      train(first, 0, stop);
      first.save(this->path("stopped"));
    }
    TypeParam second(largest, 1, 7); // of another seed, which the checkpoint replaces
    second.load(this->path("stopped"));
    train(second, stop, steps);
    EXPECT_TRUE(this->stateOf(second) == whole) << "stopped after " << stop;
  }
}

// What an earlier, larger batch left in the arena must not show.
TYPED_TEST(Determinism, AHandleForgetsEarlierBatches) {
  TypeParam used(largest);
  train(used, 0, 2);
  used.save(this->path("begin"));
  for (int64_t batch : {int64_t(1), int64_t(3), int64_t(5), largest - 1, largest}) {
    TypeParam fresh(batch); // its largest size is this one
    fresh.load(this->path("begin"));
    used.load(this->path("begin"));
    (void)logits(used, largest);
    EXPECT_EQ(logits(used, batch), logits(fresh, batch)) << "batch " << batch;
    step(fresh, batch, 5);
    step(used, batch, 5);
    EXPECT_TRUE(this->stateOf(used) == this->stateOf(fresh)) << "batch " << batch;
  }
}

TYPED_TEST(Determinism, DropoutDependsOnTheSeedAndTheCall) {
  constexpr bool random = std::is_same_v<TypeParam, dropping_trained>;
  TypeParam first(8, 2, 1), second(8, 2, 2);
  first.check(TypeParam::saveParameters(first.model, this->path("parameters").c_str()));
  second.check(TypeParam::loadParameters(second.model, this->path("parameters").c_str()));
  EXPECT_EQ(logits(first, 8), logits(second, 8)); // inference draws nothing
  auto image = pictures<float>(8);
  auto label = labelsFor(8);
  float losses[3];
  first.gradients(int64_t(8), image.data(), label.data(), &losses[0]);
  first.gradients(int64_t(8), image.data(), label.data(), &losses[1]);
  second.gradients(int64_t(8), image.data(), label.data(), &losses[2]);
  EXPECT_EQ(losses[0] != losses[1], random) << losses[0] << " and " << losses[1];
  EXPECT_EQ(losses[0] != losses[2], random) << losses[0] << " and " << losses[2];
}
