// bf16 as its bits.
#pragma once

#include <cstdint>
#include <cstring>

namespace fovea {

inline float wide(uint16_t bits) {
  uint32_t value = uint32_t(bits) << 16;
  float result;
  std::memcpy(&result, &value, 4);
  return result;
}

/// The nearest bf16, ties to even.
inline uint16_t low(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

} // namespace fovea
