// What generated host code and kernels call: views, the launch hook, scratch memory and errors.
#include "Handle.h"
#include "Model.h"

#include <HalideRuntime.h>
#include <thread>

namespace {

TEST(Wrap, ReversesDimensionsAndAddsOffsets) {
  TestModel model;
  Handle handle(model);
  int64_t batch = 5;
  float image[20], logits[20];
  double rate = 0.25;
  void *pointers[] = {image, &rate, logits};
  TestModel::run = [&](fovea_handle *h, const int64_t *sizes) {
    // [batch, 3, 4] of stride [12, 4, 1] that starts at 8 + 16 * batch bytes
    int64_t extents[] = {0, 1, 3, 0, 4, 0}, strides[] = {12, 0, 4, 0, 1, 0};
    std::vector<int64_t> most(2 * FOVEA_MAX_RANK, 1);
    fovea_view views[] = {{halide_type_float, 32, 3, extents, strides},
                          {halide_type_float, 64, 0, nullptr, nullptr},
                          {halide_type_int, 64, FOVEA_MAX_RANK, most.data(), most.data()}};
    model.model.views = views;
    fovea_buffer storage[7];
    memset(storage, 0xee, sizeof storage);
    const int64_t places[] = {0, 0, 8, 16, 1, 0, 8, 16, 2, 0, 8, 16, 3, 0, 8, 16, 4, 0, 8, 16, // every region
                              3, 1, 0, 0,  0, 2, 0, 0};
    fovea_wrap(h, sizes, 7, places, storage);
    uint8_t *starts[] = {h->state, h->arena, (uint8_t *)image, (uint8_t *)&rate, (uint8_t *)logits};
    for (int region = 0; region < 5; ++region) {
      auto *buffer = reinterpret_cast<halide_buffer_t *>(storage + region);
      EXPECT_EQ(buffer->host, starts[region] + 8 + 16 * 5);
      EXPECT_EQ(buffer->type, halide_type_of<float>());
      EXPECT_EQ(buffer->dimensions, 3);
      EXPECT_EQ(buffer->device, 0u);
      EXPECT_EQ(buffer->device_interface, nullptr);
      EXPECT_EQ(buffer->flags, 0u);
      EXPECT_EQ(buffer->dim[0], halide_dimension_t(0, 4, 1));
      EXPECT_EQ(buffer->dim[1], halide_dimension_t(0, 3, 4));
      EXPECT_EQ(buffer->dim[2], halide_dimension_t(0, 5, 12));
    }
    auto *scalar = reinterpret_cast<halide_buffer_t *>(storage + 5);
    auto *full = reinterpret_cast<halide_buffer_t *>(storage + 6);
    EXPECT_EQ(*reinterpret_cast<double *>(scalar->host), 0.25);
    EXPECT_EQ(scalar->dimensions, 0);
    EXPECT_EQ(full->dim[FOVEA_MAX_RANK - 1], halide_dimension_t(0, 6, 6));
    return 0;
  };
  EXPECT_EQ(fovea_call(handle, 0, &batch, pointers), FOVEA_OK);
}

TEST(Launched, CallsTheProfileHook) {
  static std::vector<std::pair<std::string, double>> launches;
  launches.clear();
  TestModel model;
  model.options.profile_context = &model;
  model.options.profile = [](void *context, const char *kernel, double seconds) {
    EXPECT_NE(context, nullptr);
    launches.push_back({kernel, seconds});
    std::this_thread::sleep_for(std::chrono::milliseconds(30)); // is not counted to the next kernel
  };
  Handle handle(model);
  TestModel::run = [](fovea_handle *h, const int64_t *) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (fovea_launched(h, "first", 0)) return 1;
    return fovea_launched(h, "second", 0);
  };
  EXPECT_EQ(model.call(handle), FOVEA_OK);
  ASSERT_EQ(launches.size(), 2u);
  EXPECT_EQ(launches[0].first, "first");
  EXPECT_GE(launches[0].second, 0.009);
  EXPECT_EQ(launches[1].first, "second");
  EXPECT_GE(launches[1].second, 0);
  EXPECT_LT(launches[1].second, 0.02);
}

TEST(Launched, NamesTheKernelThatFails) {
  TestModel model;
  Handle handle(model);
  TestModel::run = [](fovea_handle *h, const int64_t *) { return fovea_launched(h, "matmul_1", -12); };
  EXPECT_EQ(model.call(handle), FOVEA_KERNEL_ERROR);
  EXPECT_EQ(handle.error(), "model 'digits': forward: failed with code -12 (in kernel 'matmul_1')");
  TestModel::run = [](fovea_handle *h, const int64_t *) {
    halide_error(h, "Output buffer f is accessed at 9, beyond the max (8)\n");
    halide_error(h, "a consequence");
    return fovea_launched(h, "softmax", -1);
  };
  EXPECT_EQ(model.call(handle), FOVEA_KERNEL_ERROR);
  EXPECT_EQ(handle.error(), "model 'digits': forward: Output buffer f is accessed at 9, beyond the max (8) (in kernel "
                            "'softmax')");
  TestModel::run = nullptr;
  EXPECT_EQ(model.call(handle), FOVEA_OK);
  EXPECT_EQ(handle.error(), "");
}

TEST(Launched, KeepsLongMessagesInBounds) {
  TestModel model;
  Handle handle(model);
  TestModel::run = [](fovea_handle *h, const int64_t *) {
    halide_error(h, std::string(5000, 'x').c_str());
    return fovea_launched(h, std::string(5000, 'k').c_str(), 1);
  };
  EXPECT_EQ(model.call(handle), FOVEA_KERNEL_ERROR);
  EXPECT_EQ(handle.error().size(), size_t{FOVEA_MESSAGE_BYTES - 1});
}

TEST(Scratch, IsAlignedAndReused) {
  TestModel model;
  Handle handle(model);
  void *first = halide_malloc(handle, 1), *second = halide_malloc(handle, 65), *third = halide_malloc(handle, 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 64, 0u);
  EXPECT_EQ(static_cast<uint8_t *>(second) - static_cast<uint8_t *>(first), 64 + FOVEA_SCRATCH_OVERHEAD);
  EXPECT_EQ(static_cast<uint8_t *>(third) - static_cast<uint8_t *>(second), 128 + FOVEA_SCRATCH_OVERHEAD);
  halide_free(handle, third);
  EXPECT_EQ(halide_malloc(handle, 10), third);
  halide_free(handle, first); // not the newest: its space returns later
  EXPECT_NE(halide_malloc(handle, 1), first);
  halide_free(handle, third);
  halide_free(handle, second);
  halide_free(handle, nullptr);
  void *newest = static_cast<uint8_t *>(third) + 64 + FOVEA_SCRATCH_OVERHEAD;
  halide_free(handle, newest);
  EXPECT_EQ(handle.handle->caller.scratch_used, 0);
  EXPECT_EQ(halide_malloc(handle, 4096 - FOVEA_SCRATCH_OVERHEAD), first); // all of it
  halide_free(handle, first);
}

TEST(Scratch, RunsOutWithAMessage) {
  TestModel model;
  Handle handle(model);
  TestModel::run = [](fovea_handle *h, const int64_t *) {
    EXPECT_EQ(halide_malloc(h, 4096), nullptr);
    EXPECT_EQ(halide_malloc(h, SIZE_MAX), nullptr);
    return fovea_launched(h, "conv", -1);
  };
  EXPECT_EQ(model.call(handle), FOVEA_KERNEL_ERROR);
  EXPECT_EQ(handle.error(),
            "model 'digits': forward: scratch: a kernel asks for 4096 bytes, 4096 are left: its plan is "
            "too small, a defect (in kernel 'conv')");
  void *memory[32];
  for (auto &block : memory) EXPECT_NE(block = halide_malloc(handle, 64), nullptr);
  EXPECT_EQ(halide_malloc(handle, 0), nullptr);
  for (auto &block : memory) halide_free(handle, block);
  EXPECT_EQ(handle.handle->caller.scratch_used, 0);
}

} // namespace
