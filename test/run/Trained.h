// A compiled model behind one C++ face, so that a test can be written once for several of them.
#pragma once

#include "gtest/gtest.h"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

/// Owns a handle of model NAME, whose input `image` is of type `Real`. A failing call fails the test with the model's
/// message.
#define FOVEA_TRAINED(NAME, REAL)                                                                                      \
  struct NAME##_trained {                                                                                              \
    using Real = REAL;                                                                                                 \
    NAME *model;                                                                                                       \
    explicit NAME##_trained(int64_t batch, int32_t threads = 2, uint64_t seed = 1, const char *target = nullptr) {     \
      NAME##_options options = {};                                                                                     \
      options.struct_size = sizeof options;                                                                            \
      options.threads = threads;                                                                                       \
      options.seed = seed;                                                                                             \
      options.target = target;                                                                                         \
      options.sizes.batch = batch;                                                                                     \
      model = NAME##_create(&options);                                                                                 \
      EXPECT_NE(model, nullptr) << NAME##_last_error(nullptr);                                                         \
    }                                                                                                                  \
    NAME##_trained(const NAME##_trained &) = delete;                                                                   \
    ~NAME##_trained() { NAME##_destroy(model); }                                                                       \
    static constexpr auto saveParameters = &NAME##_save, loadParameters = &NAME##_load;                                \
    void check(int32_t code) { EXPECT_EQ(code, 0) << NAME##_last_error(model); }                                       \
    void save(const std::string &path) { check(NAME##_save_checkpoint(model, path.c_str())); }                         \
    void load(const std::string &path) { check(NAME##_load_checkpoint(model, path.c_str())); }                         \
    void set(const std::string &name, const std::vector<Real> &values) {                                               \
      check(NAME##_set(model, name.c_str(), values.data(), values.size() * sizeof(Real)));                             \
    }                                                                                                                  \
    std::vector<Real> get(const std::string &name, size_t count) {                                                     \
      std::vector<Real> values(count);                                                                                 \
      check(NAME##_get(model, name.c_str(), values.data(), count * sizeof(Real)));                                     \
      return values;                                                                                                   \
    }                                                                                                                  \
    template <typename... Arguments> void train_step(Arguments... arguments) {                                         \
      check(NAME##_train_step(model, arguments...));                                                                   \
    }                                                                                                                  \
    template <typename... Arguments> void gradients(Arguments... arguments) {                                          \
      check(NAME##_gradients(model, arguments...));                                                                    \
    }                                                                                                                  \
    template <typename... Arguments> void update(Arguments... arguments) {                                             \
      check(NAME##_update(model, arguments...));                                                                       \
    }                                                                                                                  \
    template <typename... Arguments> void forward(Arguments... arguments) {                                            \
      check(NAME##_forward(model, arguments...));                                                                      \
    }                                                                                                                  \
  }

inline std::string bytesOf(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Of the targets x86-64, x86-64-v3 and x86-64-v4.
inline std::vector<const char *> targetsOfThisMachine() {
  std::vector<const char *> targets{"x86-64"};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) targets.push_back("x86-64-v3");
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) targets.push_back("x86-64-v4");
  return targets;
}

/// A deterministic picture-like batch: pixels in [-1, 1).
template <typename Real> std::vector<Real> pictures(int64_t batch, uint32_t seed = 1) {
  std::vector<Real> pixels(batch * 784);
  for (Real &pixel : pixels) {
    seed = seed * 1664525u + 1013904223u;
    pixel = Real(int32_t(seed >> 8) % 2048) / 1024 - 1;
  }
  return pixels;
}

inline std::vector<int32_t> labelsFor(int64_t batch) {
  std::vector<int32_t> labels(batch);
  for (int64_t i = 0; i < batch; ++i) labels[i] = int32_t(i * 7 % 10);
  return labels;
}
