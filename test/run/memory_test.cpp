// After create, a compiled model neither allocates nor starts threads, and writes only where it may: into the workspace
// that the caller gave, and into outputs.
#include "digits.h"

#include "test/run/Trained.h"
#include "test/runtime/Interposed.h"

#include <algorithm>

FOVEA_TRAINED(digits, float);

namespace {

constexpr int64_t largest = 64, pixels = 784, classes = 10;

/// Memory between guards, filled with a byte that no one writes by chance. It starts `shift` bytes after a multiple
/// of 64.
class Guarded {
public:
  explicit Guarded(size_t bytes, size_t shift = 0) : bytes(bytes), memory(bytes + 2 * guard + 128, canary) {
    start = (reinterpret_cast<uintptr_t>(memory.data()) + guard + 63) / 64 * 64 + shift -
            reinterpret_cast<uintptr_t>(memory.data());
  }
  void *data() { return memory.data() + start; }
  float *floats() { return static_cast<float *>(data()); }
  template <typename Element> Element *fill(const std::vector<Element> &values) {
    std::copy(values.begin(), values.end(), static_cast<Element *>(data()));
    return static_cast<Element *>(data());
  }
  bool intact() const {
    auto clean = [](auto begin, auto end) {
      return std::all_of(begin, end, [](uint8_t byte) { return byte == canary; });
    };
    return clean(memory.begin(), memory.begin() + start) && clean(memory.begin() + start + bytes, memory.end());
  }
  size_t touched() const { return bytes - std::count(memory.begin() + start, memory.begin() + start + bytes, canary); }

private:
  static constexpr size_t guard = 4096;
  static constexpr uint8_t canary = 0xa5;
  size_t bytes, start;
  std::vector<uint8_t> memory;
};

digits_options optionsFor(int threads) {
  digits_options options = DIGITS_OPTIONS_DEFAULT;
  options.threads = threads;
  options.sizes.batch = largest;
  return options;
}

} // namespace

TEST(Memory, NoAllocationAndNoThreadAfterCreate) {
  auto image = pictures<float>(largest);
  auto label = labelsFor(largest);
  std::vector<float> logits(largest * classes);
  float loss;
  digits_options options = optionsFor(3);
  long allocated = allocations, started = threads_started;
  digits *model = digits_create(&options);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(allocations - allocated, 1);
  EXPECT_EQ(threads_started - started, 2);
  allocated = allocations, started = threads_started;
  for (int64_t batch : {int64_t(1), int64_t(3), largest}) {
    EXPECT_EQ(digits_forward(model, batch, image.data(), logits.data()), 0);
    EXPECT_EQ(digits_train_step(model, batch, image.data(), label.data(), 1e-3f, &loss), 0);
    EXPECT_EQ(digits_gradients(model, batch, image.data(), label.data(), &loss), 0);
    EXPECT_EQ(digits_update(model, 1e-3f, 1), 0);
  }
  EXPECT_EQ(allocations, allocated);
  EXPECT_EQ(threads_started, started);
  digits_destroy(model);
}

class Guards : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, Guards, testing::Values(1, 2));

TEST_P(Guards, StayIntactAroundWorkspaceAndBuffers) {
  digits_options options = optionsFor(GetParam());
  options.workspace_bytes = digits_workspace_bytes(&options.sizes, options.threads);
  Guarded workspace(options.workspace_bytes, 8);
  options.workspace = workspace.data();
  long allocated = allocations;
  digits *model = digits_create(&options);
  ASSERT_NE(model, nullptr) << digits_last_error(nullptr);
  EXPECT_EQ(allocations, allocated);
  for (int64_t batch : {int64_t(1), int64_t(3), largest}) {
    auto pixelsOfBatch = pictures<float>(batch);
    auto labelsOfBatch = labelsFor(batch);
    // Buffers of the smallest alignment that their elements allow.
    Guarded image(batch * pixels * sizeof(float), 4), label(batch * sizeof(int32_t), 4), loss(sizeof(float), 4),
        logits(batch * classes * sizeof(float), 4);
    float *in = image.fill(pixelsOfBatch);
    int32_t *wanted = label.fill(labelsOfBatch);
    for (int repeat = 0; repeat < 2; ++repeat) {
      ASSERT_EQ(digits_train_step(model, batch, in, wanted, 1e-3f, loss.floats()), 0) << digits_last_error(model);
      ASSERT_EQ(digits_forward(model, batch, in, logits.floats()), 0) << digits_last_error(model);
    }
    for (const Guarded *buffer : {&workspace, &image, &label, &loss, &logits}) EXPECT_TRUE(buffer->intact()) << batch;
    EXPECT_TRUE(std::equal(pixelsOfBatch.begin(), pixelsOfBatch.end(), in)) << "the input was written";
    EXPECT_TRUE(std::equal(labelsOfBatch.begin(), labelsOfBatch.end(), wanted)) << "the labels were written";
    EXPECT_GT(logits.touched(), size_t(batch * classes * 3));
  }
  EXPECT_GT(workspace.touched(), options.workspace_bytes / 4);
  digits_destroy(model);
  EXPECT_TRUE(workspace.intact());
}

/// The messages' words are tested in test/runtime; here, that the generated functions reach them.
TEST(Sizes, BeyondWhatWasGivenAreErrors) {
  digits_options options = optionsFor(1);
  options.workspace_bytes = digits_workspace_bytes(&options.sizes, 1) - 1;
  std::vector<uint8_t> memory(options.workspace_bytes);
  options.workspace = memory.data();
  EXPECT_EQ(digits_create(&options), nullptr);
  EXPECT_NE(std::string(digits_last_error(nullptr)).find(" needed for batch 64 and 1 thread"), std::string::npos);

  digits_trained trained(largest);
  float value = 0;
  int32_t label = 0;
  for (int64_t batch : {int64_t(0), int64_t(-1), largest + 1, INT64_MAX}) {
    EXPECT_EQ(digits_forward(trained.model, batch, &value, &value), DIGITS_INVALID_ARGUMENT);
    EXPECT_NE(std::string(digits_last_error(trained.model)).find("batch"), std::string::npos);
    EXPECT_EQ(digits_train_step(trained.model, batch, &value, &label, 1e-3f, &value), DIGITS_INVALID_ARGUMENT);
  }
}
