// A hand-written model: what lib/emit would generate, with an entry point that tests replace.
#pragma once
#include "program.h"

#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <vector>

// state: weight F32[3, 4] with rows padded to 8; panels F64[5, 3] in panels of two rows; columns F32[2, 5] in panels of
// two columns; bias F16[] ; moment F32[3, 4]; seed I64[]; step I64[].
// entry 0: forward(image F32[batch, 4], rate F64[], out logits F32[batch, 4]).
struct TestModel {
  std::string name = "digits";
  std::vector<int64_t> rows34 = {3, 0, 4, 0}, rows53 = {5, 0, 3, 0}, rows25 = {2, 0, 5, 0}, rows_batch4 = {0, 1, 4, 0};
  std::vector<int64_t> padded = {8, 1}, panel_rows = {1, 2}, panel_columns = {2, 1}, dense34 = {4, 1};
  std::vector<fovea_tensor> state = {
      {"weight", FOVEA_F32, FOVEA_PARAMETER, 2, FOVEA_NORMAL, rows34.data(), 1.0, 0.5, 0, 96, padded.data(), -1, 0, 0},
      {"panels", FOVEA_F64, FOVEA_PARAMETER, 2, FOVEA_UNIFORM, rows53.data(), -1, 1, 128, 144, panel_rows.data(), 0, 2,
       6},
      {"columns", FOVEA_F32, FOVEA_PARAMETER, 2, FOVEA_TRUNCATED_NORMAL, rows25.data(), 0, 1, 320, 48,
       panel_columns.data(), 1, 2, 4},
      {"bias", FOVEA_F16, FOVEA_PARAMETER, 0, FOVEA_CONSTANT, nullptr, 0.5, 0, 384, 2, nullptr, -1, 0, 0},
      {"moment", FOVEA_F32, FOVEA_OPTIMIZER_STATE, 2, FOVEA_CONSTANT, rows34.data(), 0, 0, 448, 48, dense34.data(), -1,
       0, 0},
      {"seed", FOVEA_I64, FOVEA_SEED, 0, FOVEA_CONSTANT, nullptr, 0, 0, 512, 8, nullptr, -1, 0, 0},
      {"step", FOVEA_I64, FOVEA_COUNTER, 0, FOVEA_CONSTANT, nullptr, 0, 0, 576, 8, nullptr, -1, 0, 0},
  };
  std::vector<fovea_tensor> arguments = {
      {"image", FOVEA_F32, FOVEA_INPUT, 2, 0, rows_batch4.data(), 0, 0, 0, 0, nullptr, -1, 0, 0},
      {"rate", FOVEA_F64, FOVEA_SCALAR, 0, 0, nullptr, 0, 0, 0, 0, nullptr, -1, 0, 0},
      {"logits", FOVEA_F32, FOVEA_OUTPUT, 2, 0, rows_batch4.data(), 0, 0, 0, 0, nullptr, -1, 0, 0}};
  std::vector<int64_t> arena = {128, 1024}, largest = {0, 4096};
  std::vector<fovea_entry> entries;
  std::vector<fovea_program> programs;
  std::vector<const char *> size_names = {"batch"};
  fovea_model model{};
  fovea_options options{};

  // What the entry point does; of this thread, so that handles can run at once.
  static inline thread_local std::function<int32_t(fovea_handle *, const int64_t *)> run;

  TestModel() {
    entries = {{"forward", 3, arguments.data(), [](fovea_handle *h, const int64_t *s) { return run ? run(h, s) : 0; }}};
    programs = {{"x86-64", 0, (int64_t)state.size(), state.data(), 640, arena.data(), largest.data(), 4096, 2048, nullptr, 0, 0, 1,
                 entries.data()}};
    options.struct_size = sizeof options;
    options.threads = 1;
    options.sizes[0] = 64;
    refresh();
  }
  TestModel(const TestModel &) = delete;
  ~TestModel() { run = nullptr; }

  void refresh() { // after a change to the vectors
    model = {FOVEA_ABI_VERSION,        name.c_str(),    0xabc,  (int32_t)size_names.size(), size_names.data(),
             (int32_t)programs.size(), programs.data(), nullptr};
  }
  fovea_handle *create() {
    refresh();
    return fovea_create(&model, &options);
  }
  // create must fail; returns why.
  std::string refusal() {
    fovea_handle *handle = create();
    EXPECT_EQ(handle, nullptr);
    fovea_destroy(handle);
    return fovea_last_error(nullptr);
  }
  int32_t call(fovea_handle *handle, int64_t batch = 2) {
    static float image[256], logits[256];
    static double rate = 0.1;
    void *pointers[] = {image, &rate, logits};
    return fovea_call(handle, 0, &batch, pointers);
  }
};

// Destroys the handle at the end of the scope.
struct Handle {
  fovea_handle *handle;
  explicit Handle(TestModel &model) : handle(model.create()) {
    EXPECT_NE(handle, nullptr) << fovea_last_error(nullptr);
  }
  Handle(const Handle &) = delete;
  ~Handle() { fovea_destroy(handle); }
  operator fovea_handle *() const { return handle; }
  std::string error() const { return fovea_last_error(handle); }
};

template <typename Element> std::vector<Element> get(fovea_handle *handle, const char *name, size_t count) {
  std::vector<Element> values(count);
  EXPECT_EQ(fovea_get(handle, name, values.data(), count * sizeof(Element)), 0) << fovea_last_error(handle);
  return values;
}
