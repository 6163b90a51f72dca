// Writes an event file for read_events.py: write_events FILE
#include "training/EventLog.h"

#include <cmath>

using namespace fovea::training;

int main(int, char **argv) {
  const std::filesystem::path path = argv[1];
  {
    EventLog begun(path);
    for (int64_t step = 1; step <= 5; ++step)
      begun.scalars(step, {"loss", "rate"}, {1.0 / static_cast<double>(step), 0.25});
  }
  EventLog log(path, 3); // continued, as a resumed run does
  log.scalars(4, {"loss", "rate"}, {8, 0.125});
  log.picture(4, "attention/layer 1", Picture(7, 3, {10, 20, 30}));
  std::vector<float> values{NAN};
  for (int i = 0; i <= 1000; ++i) values.push_back(static_cast<float>(i - 500) / 500);
  log.histogram(4, "weights", values);
  log.histogram(4, "zeros", std::vector<float>(10, 0));
}
