// A bitmap font for captions and axes.
#ifndef FOVEA_TRAINING_FONT_H
#define FOVEA_TRAINING_FONT_H

#include <array>
#include <cstdint>

namespace fovea::training {

/// Five columns of a character, left to right; bit 0 is the top row, bit 7 lies below the base line. Bytes that are
/// not printable ASCII have the shape of '?'.
const std::array<uint8_t, 5> &glyphOf(char character);

} // namespace fovea::training

#endif
