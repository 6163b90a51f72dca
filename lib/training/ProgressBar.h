// Progress of a long loop: a bar with percentage, loss, speed and the time left.
#ifndef FOVEA_TRAINING_PROGRESSBAR_H
#define FOVEA_TRAINING_PROGRESSBAR_H

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

namespace fovea::training {

/// One line of progress. `begun` is what was done before `seconds` started to count, as in a resumed run.
///     epoch 2/5 [=======>            ]  37 %  loss 0.2345  1234/s  ETA 0:42
std::string progressLine(const std::string &title, int64_t begun, int64_t done, int64_t total, double seconds,
                         std::optional<double> loss);

class ProgressBar {
public:
  /// To stderr: redrawn in place on a terminal, else a line every few seconds. total > 0, counted in the unit whose
  /// speed is shown.
  ProgressBar(std::string title, int64_t total, int64_t begun = 0);
  ProgressBar(std::ostream &out, bool redraw, std::string title, int64_t total, int64_t begun = 0);
  ~ProgressBar(); // ends the line

  ProgressBar(const ProgressBar &) = delete;
  ProgressBar &operator=(const ProgressBar &) = delete;

  /// Shows the state where the last showing is some time ago, and always at the end.
  void update(int64_t done, std::optional<double> loss = {});

private:
  using Clock = std::chrono::steady_clock;
  std::ostream &out;
  const bool redraw;
  const std::string title;
  const int64_t total, begun;
  const Clock::time_point start;
  Clock::time_point shown;
  size_t drawn = 0; // characters of the line on the terminal
};

} // namespace fovea::training

#endif
