// Drawing on an array of pixels; the PNG writer does the rest.
#include "training/Picture.h"

#include "formats/File.h"
#include "formats/Png.h"
#include "training/Font.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace fovea::training {
namespace {

constexpr int anchorCount = 11; // of each colour map, evenly spaced

constexpr Colour viridis[anchorCount] = {{68, 1, 84},    {72, 36, 117},  {65, 68, 135},  {53, 95, 141},
                                         {42, 120, 142}, {33, 145, 140}, {34, 168, 132}, {68, 191, 112},
                                         {122, 209, 81}, {189, 223, 38}, {253, 231, 37}};
constexpr Colour magma[anchorCount] = {{0, 0, 4},       {20, 14, 54},    {59, 15, 112},  {100, 26, 128},
                                       {140, 41, 129},  {183, 55, 121},  {222, 73, 104}, {247, 112, 92},
                                       {254, 159, 109}, {254, 207, 146}, {252, 253, 191}};

Colour mix(Colour from, Colour to, double share) {
  for (size_t i = 0; i < from.size(); ++i)
    from[i] = static_cast<uint8_t>(std::lround(from[i] + (to[i] - from[i]) * share));
  return from;
}

/// Two neighbouring samples and the share of the second, for bilinear scaling of one axis.
struct Sample {
  int64_t first, second;
  double share;
};

Sample sampleAt(int64_t target, int64_t targetSize, int64_t sourceSize) {
  const double place = (target + 0.5) * sourceSize / targetSize - 0.5;
  const double bounded = std::clamp(place, 0.0, static_cast<double>(sourceSize - 1));
  const auto first = static_cast<int64_t>(bounded);
  return {first, std::min(first + 1, sourceSize - 1), bounded - first};
}

double distance(Point p, Point from, Point to) {
  const double dx = to.x - from.x, dy = to.y - from.y, length = dx * dx + dy * dy;
  double t = length > 0 ? ((p.x - from.x) * dx + (p.y - from.y) * dy) / length : 0;
  t = std::clamp(t, 0.0, 1.0);
  return std::hypot(p.x - from.x - t * dx, p.y - from.y - t * dy);
}

bool isFinite(Point point) { return std::isfinite(point.x) && std::isfinite(point.y); }

} // namespace

Colour colourOf(ColourMap map, double value) {
  const double place = (value > 0 ? std::min(value, 1.0) : 0.0) * (anchorCount - 1);
  const int first = std::min(static_cast<int>(place), anchorCount - 2);
  const Colour *anchors = map == ColourMap::viridis ? viridis : magma;
  return mix(anchors[first], anchors[first + 1], place - first);
}

Map resized(const Map &map, int64_t rows, int64_t columns) {
  Map result{rows, columns, {}};
  result.values.reserve(static_cast<size_t>(rows * columns));
  auto value = [&](int64_t row, int64_t column) { return map.values[static_cast<size_t>(row * map.columns + column)]; };
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      const Sample y = sampleAt(row, rows, map.rows), x = sampleAt(column, columns, map.columns);
      const double top = value(y.first, x.first) * (1 - x.share) + value(y.first, x.second) * x.share;
      const double bottom = value(y.second, x.first) * (1 - x.share) + value(y.second, x.second) * x.share;
      result.values.push_back(static_cast<float>(top * (1 - y.share) + bottom * y.share));
    }
  return result;
}

Picture::Picture(int64_t width, int64_t height, Colour background)
    : columns(width), rows(height), pixels(static_cast<size_t>(width * height), background) {}

Picture::Picture(const uint8_t *planes, int64_t channels, int64_t rows, int64_t columns) : Picture(columns, rows) {
  for (size_t i = 0; i < pixels.size(); ++i)
    for (size_t colour = 0; colour < 3; ++colour)
      pixels[i][colour] = planes[i + colour % static_cast<size_t>(channels) * pixels.size()];
}

Picture Picture::ofNumbers(const float *planes, int64_t channels, int64_t rows, int64_t columns, float low,
                           float high) {
  std::vector<uint8_t> bytes;
  for (const float *end = planes + channels * rows * columns; planes != end; ++planes) {
    const float share = (*planes - low) / (high - low);
    bytes.push_back(static_cast<uint8_t>(share > 0 ? std::min(share, 1.0f) * 255 + 0.5f : 0));
  }
  return Picture(bytes.data(), channels, rows, columns);
}

void Picture::blend(int64_t x, int64_t y, Colour colour, double alpha) {
  if (x < 0 || y < 0 || x >= columns || y >= rows) return;
  Colour &pixel = pixels[static_cast<size_t>(y * columns + x)];
  pixel = mix(pixel, colour, alpha);
}

void Picture::fill(int64_t x, int64_t y, int64_t width, int64_t height, Colour colour) {
  for (int64_t row = y; row < y + height; ++row)
    for (int64_t column = x; column < x + width; ++column) blend(column, row, colour, 1);
}

void Picture::draw(const Picture &picture, int64_t x, int64_t y) {
  for (int64_t row = 0; row < picture.rows; ++row)
    for (int64_t column = 0; column < picture.columns; ++column) blend(x + column, y + row, picture.at(column, row), 1);
}

void Picture::polyline(const std::vector<Point> &points, double width, Colour colour, double alpha) {
  // Coverage of the whole line first, so that overlapping segments do not darken a translucent one.
  std::vector<float> coverage(pixels.size(), 0);
  const double reach = width / 2 + 0.5;
  auto first = [reach](double a, double b) { return std::max<int64_t>(0, int64_t(std::min(a, b) - reach)); };
  auto last = [reach](double a, double b, int64_t size) {
    return int64_t(std::min(size - 1.0, std::max(a, b) + reach));
  };
  for (size_t i = 0; i + 1 < points.size(); ++i) {
    const Point from = points[i], to = points[i + 1];
    if (!isFinite(from) || !isFinite(to)) continue;
    for (int64_t y = first(from.y, to.y); y <= last(from.y, to.y, rows); ++y)
      for (int64_t x = first(from.x, to.x); x <= last(from.x, to.x, columns); ++x) {
        float &covered = coverage[static_cast<size_t>(y * columns + x)];
        const double share = std::clamp(reach - distance({x + 0.5, y + 0.5}, from, to), 0.0, 1.0);
        covered = std::max(covered, static_cast<float>(share));
      }
  }
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = mix(pixels[i], colour, alpha * coverage[i]);
}

void Picture::text(int64_t x, int64_t y, const std::string &text, Colour colour, int64_t scale) {
  for (char character : text) {
    for (uint8_t column : glyphOf(character)) {
      for (int64_t row = 0; row < 8; ++row)
        if (column >> row & 1) fill(x, y + row * scale, scale, scale, colour);
      x += scale;
    }
    x += scale;
  }
}

Picture Picture::scaled(int64_t width, int64_t height) const {
  Picture result(width, height);
  for (int64_t row = 0; row < height; ++row)
    for (int64_t column = 0; column < width; ++column) {
      const Sample y = sampleAt(row, height, rows), x = sampleAt(column, width, columns);
      const Colour top = mix(at(x.first, y.first), at(x.second, y.first), x.share);
      const Colour bottom = mix(at(x.first, y.second), at(x.second, y.second), x.share);
      result.blend(column, row, mix(top, bottom, y.share), 1);
    }
  return result;
}

void Picture::box(const Box &box, const std::string &caption, Colour colour, int64_t thickness, int64_t textScale) {
  const auto left = std::lround(box.left), top = std::lround(box.top);
  const auto wide = std::lround(box.right) - left, high = std::lround(box.bottom) - top;
  fill(left, top, wide, std::min(thickness, high), colour);
  fill(left, top + high - std::min(thickness, high), wide, std::min(thickness, high), colour);
  fill(left, top, std::min(thickness, wide), high, colour);
  fill(left + wide - std::min(thickness, wide), top, std::min(thickness, wide), high, colour);
  if (caption.empty()) return;
  const int64_t line = textHeight(textScale) + textScale, above = std::max<int64_t>(0, top - line);
  fill(left, above, textWidth(caption, textScale) + 2 * textScale, line, colour);
  const int brightness = 2 * colour[0] + 5 * colour[1] + colour[2]; // of 8 * 255
  text(left + textScale, above + textScale, caption, brightness > 4 * 255 ? black : white, textScale);
}

std::vector<uint8_t> Picture::png() const {
  formats::Image image{columns, rows, 3, {}};
  for (const Colour &pixel : pixels) image.pixels.insert(image.pixels.end(), pixel.begin(), pixel.end());
  return formats::pngContent(image, "picture");
}

void Picture::save(const std::filesystem::path &path) const {
  const std::vector<uint8_t> content = png();
  formats::writeFile(path, content.data(), content.size());
}

int64_t textWidth(const std::string &text, int64_t scale) {
  return text.empty() ? 0 : (6 * static_cast<int64_t>(text.size()) - 1) * scale;
}

Picture overlay(const Picture &picture, const Map &map, float low, float high, double alpha, ColourMap colours) {
  Picture result = picture;
  const Map fine = resized(map, picture.height(), picture.width());
  const double range = high > low ? high - low : 1;
  for (int64_t y = 0; y < picture.height(); ++y)
    for (int64_t x = 0; x < picture.width(); ++x) {
      const float value = fine.values[static_cast<size_t>(y * picture.width() + x)];
      result.blend(x, y, colourOf(colours, (value - low) / range), alpha);
    }
  return result;
}

Picture grid(const std::vector<std::string> &headings, const std::vector<std::vector<Cell>> &rows, int64_t margin,
             int64_t textScale) {
  std::vector<int64_t> widths, heights(rows.size(), 0);
  auto widen = [&](size_t column, int64_t width) {
    if (widths.size() <= column) widths.resize(column + 1, 0);
    widths[column] = std::max(widths[column], width);
  };
  for (size_t i = 0; i < headings.size(); ++i) widen(i, textWidth(headings[i], textScale));
  const int64_t line = textHeight(textScale);
  for (size_t row = 0; row < rows.size(); ++row)
    for (size_t i = 0; i < rows[row].size(); ++i) {
      const auto &[picture, caption] = rows[row][i];
      widen(i, std::max(picture.width(), textWidth(caption, textScale)));
      heights[row] = std::max(heights[row], picture.height() + (caption.empty() ? 0 : line + margin / 2));
    }
  int64_t width = margin, height = margin + (headings.empty() ? 0 : line + margin / 2);
  for (int64_t each : widths) width += each + margin;
  const int64_t top = height;
  for (int64_t each : heights) height += each + margin;

  Picture result(width, height);
  auto centred = [&](size_t column, int64_t left, int64_t wide) { return left + (widths[column] - wide) / 2; };
  int64_t left = margin;
  for (size_t i = 0; i < widths.size(); left += widths[i++] + margin) {
    if (i < headings.size())
      result.text(centred(i, left, textWidth(headings[i], textScale)), margin, headings[i], black, textScale);
    int64_t y = top;
    for (size_t row = 0; row < rows.size(); y += heights[row++] + margin) {
      if (i >= rows[row].size()) continue;
      const auto &[picture, caption] = rows[row][i];
      result.draw(picture, centred(i, left, picture.width()), y);
      result.text(centred(i, left, textWidth(caption, textScale)), y + picture.height() + margin / 2, caption, black,
                  textScale);
    }
  }
  return result;
}

} // namespace fovea::training
