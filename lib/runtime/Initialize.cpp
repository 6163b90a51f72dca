// First values of the state. Every random element is a function of the seed, the tensor's name and its logical index
// alone, computed in double with Philox4x32-10: it depends on neither the order of tensors, their layout, the target,
// nor the thread count, and f32 and f64 programs of a model differ only by rounding.
#include "Handle.h"

#include <HalideRuntime.h>
#include <cmath>
#include <cstring>

namespace fovea {
namespace {

constexpr int64_t kChunk = 4096; // elements that one task fills

uint64_t name_hash(const char *name) { // FNV-1a
  uint64_t hash = 0xcbf29ce484222325;
  for (; *name; ++name) hash = (hash ^ static_cast<uint8_t>(*name)) * 0x100000001b3;
  return hash;
}

// Two independent numbers in [0, 1) for an element and an attempt.
struct Uniforms {
  double first, second;

  Uniforms(uint64_t seed, uint64_t name, uint32_t index, uint32_t attempt) {
    uint32_t words[4] = {index, attempt, static_cast<uint32_t>(name), static_cast<uint32_t>(name >> 32)};
    philox4x32_10(words, seed);
    auto unit = [](uint32_t high, uint32_t low) { return (uint64_t{high} << 21 | low >> 11) * 0x1p-53; };
    first = unit(words[0], words[1]);
    second = unit(words[2], words[3]);
  }
  double normal() const { // Box and Muller; 1 - first is in (0, 1]
    return std::sqrt(-2 * std::log(1 - first)) * std::cos(6.283185307179586 * second);
  }
};

double initial_value(const fovea_tensor *tensor, uint64_t seed, uint64_t name, uint32_t index) {
  double a = tensor->a, b = tensor->b;
  switch (tensor->initializer) {
  case FOVEA_NORMAL:
    return a + b * Uniforms(seed, name, index, 0).normal();
  case FOVEA_TRUNCATED_NORMAL:
    for (uint32_t attempt = 0;; ++attempt) {
      double value = Uniforms(seed, name, index, attempt).normal();
      if (std::fabs(value) <= 2) return a + b * value;
    }
  case FOVEA_UNIFORM:
    return a + (b - a) * Uniforms(seed, name, index, 0).first;
  default:
    return a;
  }
}

// To the nearest, ties to even, of the bits of a float that lie above the lowest `dropped`.
uint32_t round_bits(uint32_t bits, int dropped) {
  uint32_t half = (1u << (dropped - 1)) - 1;
  return (bits + half + (bits >> dropped & 1)) >> dropped;
}

uint16_t to_bf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>(round_bits(bits, 16)); // NaN does not occur: arguments of initializers are finite
}

uint16_t to_f16(float value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  float magnitude = std::fabs(value);
  if (magnitude >= 65520.f) return sign | 0x7c00;
  // Below 2^-14 the result counts steps of 2^-24; adding 2^-1 rounds to them, because that is its float's step.
  if (magnitude < 0x1p-14f) {
    float shifted = magnitude + 0.5f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return sign | static_cast<uint16_t>(bits - 0x3f000000);
  }
  uint32_t bits;
  memcpy(&bits, &magnitude, sizeof bits);
  return sign | static_cast<uint16_t>(round_bits(bits - (112u << 23), 13)); // 112 = 127 - 15, the exponents' biases
}

void store(int32_t dtype, void *values, int64_t index, double value) {
  switch (dtype) {
  case FOVEA_F32:
    static_cast<float *>(values)[index] = static_cast<float>(value);
    break;
  case FOVEA_F64:
    static_cast<double *>(values)[index] = value;
    break;
  case FOVEA_F16:
    static_cast<uint16_t *>(values)[index] = to_f16(static_cast<float>(value));
    break;
  case FOVEA_BF16:
    static_cast<uint16_t *>(values)[index] = to_bf16(static_cast<float>(value));
    break;
  case FOVEA_I64:
    static_cast<int64_t *>(values)[index] = static_cast<int64_t>(value);
    break;
  case FOVEA_I32:
    static_cast<int32_t *>(values)[index] = static_cast<int32_t>(value);
    break;
  case FOVEA_I8:
    static_cast<int8_t *>(values)[index] = static_cast<int8_t>(value);
    break;
  case FOVEA_U8:
    static_cast<uint8_t *>(values)[index] = static_cast<uint8_t>(value);
    break;
  case FOVEA_BOOL:
    static_cast<uint8_t *>(values)[index] = value != 0;
    break;
  }
}

struct Filling {
  const fovea_tensor *tensor;
  uint64_t seed, name;
  int64_t count;
};

int fill_chunk(void *user_context, int chunk, uint8_t *closure) {
  const Filling *filling = reinterpret_cast<const Filling *>(closure);
  int64_t first = chunk * kChunk;
  int64_t count = filling->count - first < kChunk ? filling->count - first : kChunk;
  double values[kChunk]; // wide enough for every dtype
  for (int64_t i = 0; i < count; ++i)
    store(filling->tensor->dtype, values, i,
          initial_value(filling->tensor, filling->seed, filling->name, static_cast<uint32_t>(first + i)));
  write_elements(static_cast<Worker *>(user_context)->handle, filling->tensor, first, count, values);
  return 0;
}

} // namespace

// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
void philox4x32_10(uint32_t counter[4], uint64_t seed) {
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round, key0 += 0x9e3779b9, key1 += 0xbb67ae85) {
    uint64_t product0 = uint64_t{0xd2511f53} * counter[0], product1 = uint64_t{0xcd9e8d57} * counter[2];
    uint32_t next0 = static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key0;
    uint32_t next2 = static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key1;
    counter[0] = next0;
    counter[1] = static_cast<uint32_t>(product1);
    counter[2] = next2;
    counter[3] = static_cast<uint32_t>(product0);
  }
}

void initialize_state(fovea_handle *handle, uint64_t seed) {
  const fovea_program *program = handle->program;
  for (int64_t i = 0; i < program->state_count; ++i) {
    const fovea_tensor *tensor = &program->state[i];
    if (tensor->role == FOVEA_SEED) {
      write_elements(handle, tensor, 0, 1, &seed);
      continue;
    }
    Filling filling = {tensor, seed, name_hash(tensor->name), element_count(handle, tensor)};
    int chunks = static_cast<int>((filling.count + kChunk - 1) / kChunk);
    halide_do_par_for(&handle->caller, fill_chunk, 0, chunks, reinterpret_cast<uint8_t *>(&filling));
  }
}

} // namespace fovea
