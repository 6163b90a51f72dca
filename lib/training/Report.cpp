#include "training/Report.h"

#include <algorithm>
#include <cstdio>

namespace fovea::training {
namespace {

constexpr Colour colours[] = {{200, 60, 40},  {40, 110, 190}, {40, 150, 80},
                              {150, 80, 170}, {220, 140, 20}, {90, 90, 90}};

std::vector<double> columnOf(const CsvLog &log, size_t column) {
  std::vector<double> values;
  for (const Row &row : log.rows()) values.push_back(row[column]);
  return values;
}

} // namespace

Picture lossCurve(const Run &run, const std::string &title, const std::string &yLabel, size_t column) {
  const Series all{"each step", columnOf(run.losses(), 0), columnOf(run.losses(), column), {70, 130, 190}, 1, 0.45};
  const double length = std::max(1.0, static_cast<double>(all.y.size()) / 50);
  const Series mean{"smoothed", all.x, smoothed(all.y, length), colours[0], 2.5, 1};
  return plot({title, "step", yLabel, true}, {all, mean});
}

Picture metricCurves(const Run &run, const std::string &title, const std::vector<std::string> &names,
                     const std::vector<size_t> &columns) {
  std::vector<Series> curves;
  for (size_t i = 0; i < columns.size(); ++i)
    curves.push_back({i < names.size() ? names[i] : "", columnOf(run.metrics(), 0), columnOf(run.metrics(), columns[i]),
                      colours[i % std::size(colours)]});
  return plot({title, "epoch", ""}, curves);
}

Page pageOf(const Run &run, const std::string &title) {
  Page page(title);
  page.heading("Settings");
  std::vector<std::vector<std::string>> settings;
  for (const auto &[name, setting] : run.settings()) settings.push_back({name, textOf(setting)});
  page.table({"setting", "value"}, settings);
  page.heading("Course");
  page.picture(lossCurve(run), "The loss of each step");
  std::vector<std::vector<std::string>> epochs;
  for (const Row &row : run.metrics().rows()) {
    epochs.emplace_back();
    for (double value : row) {
      char number[32];
      std::snprintf(number, sizeof number, "%.6g", value);
      epochs.back().push_back(number);
    }
  }
  page.table(run.metrics().names(), epochs);
  return page;
}

} // namespace fovea::training
