// What the detector sees of a canvas, and from what it gives for one to boxes. Training and deployed programs share it,
// so it uses no C++ library.
#pragma once

#include <stdint.h>

namespace decode {

constexpr int64_t cells = 8, cellSize = 8, kinds = 10; // of a side; in pixels; of digits
constexpr float mean = 0.1f, deviation = 0.3f;         // the detector sees (byte / 255 - mean) / deviation
constexpr float shownScore = 0.25f;                    // of boxes that are said to be there
constexpr float leastScore = 0.05f;                    // of boxes that are kept
constexpr float mostOverlap = 0.45f;                   // intersection over union with a better box of the same digit

struct Found {
  float left, top, right, bottom, score; // in pixels of the canvas
  int64_t digit;
};

inline float smaller(float a, float b) { return a < b ? a : b; }
inline float larger(float a, float b) { return a > b ? a : b; }
inline float area(const Found &a) { return (a.right - a.left) * (a.bottom - a.top); }

inline float overlap(const Found &a, const Found &b) {
  const float width = smaller(a.right, b.right) - larger(a.left, b.left);
  const float height = smaller(a.bottom, b.bottom) - larger(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  return width * height / (area(a) + area(b) - width * height);
}

/// The likeliest digit of a cell, and its box.
inline Found ofCell(const float *score, const float *box, int64_t cell) {
  const float x = float(cell % cells * cellSize) + cellSize / 2.0f,
              y = float(cell / cells * cellSize) + cellSize / 2.0f;
  const float *own = score + cell * kinds, *edge = box + cell * 4;
  Found found{edge[0] + x, edge[1] + y, edge[2] + x, edge[3] + y, own[0], 0};
  for (int64_t digit = 1; digit < kinds; ++digit)
    if (own[digit] > found.score) found.score = own[digit], found.digit = digit;
  return found;
}

/// Takes score (cells, cells, kinds) and box (cells, cells, 4) of a canvas; gives the boxes by falling score, without
/// those that a better one suppresses, and returns how many they are.
inline int64_t boxes(const float *score, const float *box, Found found[cells * cells]) {
  int64_t count = 0;
  for (int64_t cell = 0; cell < cells * cells; ++cell) {
    const Found next = ofCell(score, box, cell);
    if (!(next.score >= leastScore)) continue;
    int64_t at = count++;
    for (; at > 0 && found[at - 1].score < next.score; --at) found[at] = found[at - 1];
    found[at] = next;
  }
  int64_t kept = 0;
  for (int64_t i = 0; i < count; ++i) {
    bool suppressed = false;
    for (int64_t k = 0; k < kept; ++k)
      suppressed |= found[k].digit == found[i].digit && overlap(found[k], found[i]) > mostOverlap;
    if (!suppressed) found[kept++] = found[i];
  }
  return kept;
}

} // namespace decode
