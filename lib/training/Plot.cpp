// The plot area has room for tick labels on the left and below, for the title and the y label above.
#include "training/Plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace fovea::training {
namespace {

constexpr Colour axisColour{70, 70, 70}, gridColour{228, 228, 228}, textColour{30, 30, 30};
constexpr int64_t scale = 2; // of text

std::string shortText(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", std::abs(value) < 1e-12 ? 0 : value);
  return text;
}

/// One axis: from values to pixels.
struct Axis {
  double low, high;  // of the values
  double start, end; // in pixels
  bool logarithmic;

  double operator()(double value) const {
    if (logarithmic) return start + (end - start) * std::log(value / low) / std::log(high / low);
    return start + (end - start) * (value - low) / (high - low);
  }
  bool shows(double value) const { return std::isfinite(value) && (!logarithmic || value > 0); }
};

/// Sets low and high around the shown values of one coordinate.
void fit(Axis &axis, const std::vector<Series> &series, std::vector<double> Series::*coordinate) {
  bool any = false;
  for (const Series &each : series)
    for (double value : each.*coordinate) {
      if (!axis.shows(value)) continue;
      axis.low = any ? std::min(axis.low, value) : value;
      axis.high = any ? std::max(axis.high, value) : value;
      any = true;
    }
  if (!any) axis.low = axis.logarithmic ? 0.1 : 0, axis.high = 1;
  if (axis.high > axis.low) return;
  if (axis.logarithmic)
    axis.low /= 2, axis.high *= 2;
  else
    axis.low -= 0.5, axis.high += 0.5;
}

void drawAxes(Picture &picture, const PlotOptions &options, const Axis &x, const Axis &y, bool numbered = true) {
  const auto left = static_cast<int64_t>(x.start), right = static_cast<int64_t>(x.end);
  const auto top = static_cast<int64_t>(y.end), bottom = static_cast<int64_t>(y.start);
  for (double value : numbered ? ticks(x.low, x.high, false) : std::vector<double>{}) {
    const auto at = static_cast<int64_t>(x(value));
    const std::string label = shortText(value);
    picture.fill(at, top, 1, bottom - top, gridColour);
    picture.fill(at, bottom, 1, 6, axisColour);
    picture.text(at - textWidth(label, scale) / 2, bottom + 12, label, textColour, scale);
  }
  for (double value : ticks(y.low, y.high, y.logarithmic)) {
    const auto at = static_cast<int64_t>(y(value));
    const std::string label = shortText(value);
    picture.fill(left, at, right - left, 1, gridColour);
    picture.fill(left - 6, at, 6, 1, axisColour);
    picture.text(left - 12 - textWidth(label, scale), at - 3 * scale, label, textColour, scale);
  }
  picture.fill(left, top, 1, bottom - top + 1, axisColour);
  picture.fill(left, bottom, right - left, 1, axisColour);
  picture.text((left + right - textWidth(options.title, scale)) / 2, 14, options.title, textColour, scale);
  picture.text(right - textWidth(options.xLabel, scale), bottom + 38, options.xLabel, textColour, scale);
}

/// A single point is a dot.
void drawLine(Picture &picture, const Series &series, const Axis &x, const Axis &y) {
  std::vector<Point> points;
  for (size_t i = 0; i < std::min(series.x.size(), series.y.size()); ++i)
    points.push_back({x(series.x[i]), y.shows(series.y[i]) ? y(series.y[i]) : NAN});
  if (points.size() == 1) {
    points = {{points[0].x - 3, points[0].y}, {points[0].x + 3, points[0].y}};
    return picture.polyline(points, 6, series.colour, series.alpha);
  }
  picture.polyline(points, series.width, series.colour, series.alpha);
}

/// x and y, from 0 to 1.
std::pair<Axis, Axis> axesOf(const PlotOptions &options, bool logarithmic) {
  return {{0, 1, 100, options.width - 30.0, false}, {0, 1, options.height - 70.0, 80, logarithmic}};
}

int64_t labelEnd(const PlotOptions &options, const Axis &x) {
  return static_cast<int64_t>(x.start) + textWidth(options.yLabel, scale);
}

/// Above the axis that it names: beside the legend, or over it where that takes the row.
void drawLabel(Picture &picture, const PlotOptions &options, const Axis &x, int64_t top) {
  picture.text(static_cast<int64_t>(x.start), top, options.yLabel, textColour, scale);
}

/// In one row, which ends at the right: above the axes, where no curve is. Returns where it begins.
int64_t drawLegend(Picture &picture, const std::vector<Series> &series, int64_t right, int64_t top) {
  for (auto each = series.rbegin(); each != series.rend(); ++each) {
    if (each->name.empty()) continue;
    const int64_t left = right - textWidth(each->name, scale);
    picture.text(left, top, each->name, textColour, scale);
    picture.polyline({{left - 40.0, top + 7.0}, {left - 10.0, top + 7.0}}, each->width, each->colour, each->alpha);
    right = left - 60;
  }
  return right;
}

} // namespace

std::vector<double> ticks(double low, double high, bool logarithmic) {
  std::vector<double> result;
  if (logarithmic) {
    const double decades = std::log10(high / low);
    const int step = std::max(1, static_cast<int>(std::ceil(decades / 10)));
    const std::vector<double> factors = decades > 4 ? std::vector<double>{1} : std::vector<double>{1, 2, 5};
    const int first = static_cast<int>(std::floor(std::log10(low) / step)) * step;
    for (int power = first; std::pow(10, power) <= high; power += step)
      for (double factor : factors)
        if (double value = factor * std::pow(10, power); value >= low && value <= high) result.push_back(value);
    if (result.size() > 1) return result;
    result.clear();
  }
  const double rough = (high - low) / 5, power = std::pow(10, std::floor(std::log10(rough)));
  const double step = power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10);
  for (double index = std::ceil(low / step); index * step <= high; ++index) result.push_back(index * step);
  return result;
}

std::vector<double> smoothed(const std::vector<double> &values, double length) {
  std::vector<double> result;
  const double keep = std::exp(-1 / length);
  double sum = 0, weight = 0;
  for (double value : values) {
    sum = keep * sum + value;
    weight = keep * weight + 1;
    result.push_back(sum / weight);
  }
  return result;
}

Picture plot(const PlotOptions &options, const std::vector<Series> &series) {
  Picture picture(options.width, options.height);
  auto [x, y] = axesOf(options, options.logarithmic);
  fit(x, series, &Series::x);
  fit(y, series, &Series::y);
  drawAxes(picture, options, x, y);
  for (const Series &each : series) drawLine(picture, each, x, y);
  const bool beside = drawLegend(picture, series, options.width - 30, 55) > labelEnd(options, x);
  drawLabel(picture, options, x, beside ? 54 : 32);
  return picture;
}

Picture bars(const PlotOptions &options, const std::vector<double> &values, const std::vector<std::string> &captions,
             Colour colour) {
  Picture picture(options.width, options.height);
  auto [x, y] = axesOf(options, false);
  fit(y, {{"", {}, values, colour}}, &Series::y);
  y.low = std::min(y.low, 0.0), y.high = std::max(y.high, 0.0);
  x.low = -0.5, x.high = static_cast<double>(std::max<size_t>(1, values.size())) - 0.5;
  const double room = (x.end - x.start) / (x.high - x.low); // of a bar
  drawLabel(picture, options, x, 54);
  bool captioned = !captions.empty();
  for (const std::string &caption : captions) captioned = captioned && textWidth(caption, scale) < room;
  drawAxes(picture, options, x, y, !captioned);
  for (size_t i = 0; i < values.size(); ++i) {
    const double middle = x(static_cast<double>(i));
    if (captioned && i < captions.size())
      picture.text(std::lround(middle) - textWidth(captions[i], scale) / 2, std::lround(y.start) + 12, captions[i],
                   textColour, scale);
    if (!std::isfinite(values[i])) continue;
    const auto left = std::lround(middle - 0.4 * room), right = std::max(left + 1, std::lround(middle + 0.4 * room));
    const auto top = std::lround(y(std::max(values[i], 0.0))), bottom = std::lround(y(std::min(values[i], 0.0)));
    picture.fill(left, top, right - left, bottom - top, colour);
  }
  return picture;
}

} // namespace fovea::training
