// A terminal's line is overwritten ten times a second at most; a log file gets a line every five seconds.
#include "training/ProgressBar.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <unistd.h>
#include <utility>

namespace fovea::training {
namespace {

std::string clock(double seconds) {
  const auto whole = static_cast<long long>(std::llround(seconds));
  char text[48];
  if (whole >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", whole / 60, whole % 60);
  return text;
}

} // namespace

std::string progressLine(const std::string &title, int64_t begun, int64_t done, int64_t total, double seconds,
                         std::optional<double> loss) {
  constexpr int width = 24;
  const double fraction = static_cast<double>(done) / static_cast<double>(total);
  const int filled = static_cast<int>(fraction * width);
  std::string bar(static_cast<size_t>(filled), '=');
  if (filled < width) bar += '>';
  bar.resize(width, ' ');
  const double speed = seconds > 0 ? static_cast<double>(done - begun) / seconds : 0;
  const std::string left = speed > 0 ? clock(static_cast<double>(total - done) / speed) : "?";
  char percent[16], state[48] = "", pace[48];
  std::snprintf(percent, sizeof percent, "] %3d %%", static_cast<int>(fraction * 100));
  if (loss) std::snprintf(state, sizeof state, "  loss %.4f", *loss);
  std::snprintf(pace, sizeof pace, "  %.*f/s  ETA ", speed < 10 ? 1 : 0, speed);
  return title + " [" + bar + percent + state + pace + left;
}

ProgressBar::ProgressBar(std::string title, int64_t total, int64_t begun)
    : ProgressBar(std::cerr, ::isatty(STDERR_FILENO) == 1, std::move(title), total, begun) {}

ProgressBar::ProgressBar(std::ostream &out, bool redraw, std::string title, int64_t total, int64_t begun)
    : out(out), redraw(redraw), title(std::move(title)), total(total), begun(begun), start(Clock::now()), shown(start) {
}

ProgressBar::~ProgressBar() {
  if (drawn > 0) out << '\n' << std::flush;
}

void ProgressBar::update(int64_t done, std::optional<double> loss) {
  const auto now = Clock::now();
  const auto pause = redraw ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000);
  if (done < total && now - shown < pause) return;
  shown = now;
  const double seconds = std::chrono::duration<double>(now - start).count();
  std::string line = progressLine(title, begun, done, total, seconds, loss);
  if (!redraw) {
    out << line << '\n' << std::flush;
    return;
  }
  const size_t length = line.size();
  line.resize(std::max(length, drawn), ' '); // covers what a longer line left
  out << '\r' << line << std::flush;
  drawn = length;
}

} // namespace fovea::training
