// RGB pictures of what a model does: digits, maps laid over them, captions, grids of cells.
#ifndef FOVEA_TRAINING_PICTURE_H
#define FOVEA_TRAINING_PICTURE_H

#include "training/Box.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fovea::training {

using Colour = std::array<uint8_t, 3>; // red, green, blue

constexpr Colour black{0, 0, 0}, white{255, 255, 255};

/// Perceptually even colour maps: equal steps of the value look like equal steps.
enum class ColourMap { viridis, magma };

/// The colour of a value, clamped to [0, 1]; NaN is as 0.
Colour colourOf(ColourMap map, double value);

/// In pixels, the centre of the top left pixel at (0.5, 0.5).
struct Point {
  double x, y;
};

/// A map of values, such as attention over patches: (rows, columns), row-major.
struct Map {
  int64_t rows = 0, columns = 0;
  std::vector<float> values;
};

/// Bilinear, with the outermost values continued beyond their centres.
Map resized(const Map &map, int64_t rows, int64_t columns);

/// What lies outside the picture is not drawn.
class Picture {
public:
  Picture(int64_t width, int64_t height, Colour background = white);
  /// Planes (channels, rows, columns), as images of a data set hold them; 1 channel: grey, 3: red, green, blue.
  Picture(const uint8_t *planes, int64_t channels, int64_t rows, int64_t columns);
  /// The same of numbers, which are clamped to low, black, and high, white; NaN is black.
  static Picture ofNumbers(const float *planes, int64_t channels, int64_t rows, int64_t columns, float low = 0,
                           float high = 1);

  int64_t width() const { return columns; }
  int64_t height() const { return rows; }
  Colour at(int64_t x, int64_t y) const { return pixels[static_cast<size_t>(y * columns + x)]; }

  /// Mixes a colour into one pixel: 0 leaves it, 1 replaces it.
  void blend(int64_t x, int64_t y, Colour colour, double alpha);
  void fill(int64_t x, int64_t y, int64_t width, int64_t height, Colour colour);
  void draw(const Picture &picture, int64_t x, int64_t y);
  /// A smooth line of this width through the points. Points that are not finite part the line.
  void polyline(const std::vector<Point> &points, double width, Colour colour, double alpha = 1);
  /// Printable ASCII, other bytes as '?'. (x, y) is the top left corner.
  void text(int64_t x, int64_t y, const std::string &text, Colour colour, int64_t scale = 1);
  /// A frame of this thickness, inside the box's edges, with the caption on its colour above it, or inside at the
  /// picture's top.
  void box(const Box &box, const std::string &caption, Colour colour, int64_t thickness = 2, int64_t textScale = 1);
  /// Bilinear.
  Picture scaled(int64_t width, int64_t height) const;

  /// As a PNG file's content.
  std::vector<uint8_t> png() const;
  /// Writes a PNG file, atomically. Throws fovea::Error where it cannot be written.
  void save(const std::filesystem::path &path) const;

private:
  int64_t columns, rows;
  std::vector<Colour> pixels;
};

/// The size of text in pixels at a scale. A line of text has seven rows, and two below for descenders.
int64_t textWidth(const std::string &text, int64_t scale = 1);
constexpr int64_t textHeight(int64_t scale = 1) { return 9 * scale; }

/// The picture with the map over it, resized to it: low has the first colour, high the last.
Picture overlay(const Picture &picture, const Map &map, float low, float high, double alpha, ColourMap colours);

struct Cell {
  Picture picture;
  std::string caption; // below the picture
};

/// Cells in rows and columns with margins, a heading above each column, as wide as the widest cell or caption needs.
/// Rows may be shorter than others.
Picture grid(const std::vector<std::string> &headings, const std::vector<std::vector<Cell>> &rows, int64_t margin = 10,
             int64_t textScale = 2);

} // namespace fovea::training

#endif
