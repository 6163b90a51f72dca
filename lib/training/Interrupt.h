// Ctrl-C as a flag, so that a training loop can save and stop.
#ifndef FOVEA_TRAINING_INTERRUPT_H
#define FOVEA_TRAINING_INTERRUPT_H

#include <csignal>

namespace fovea::training {

/// While one lives, the first SIGINT or SIGTERM only sets the flag; the next one ends the program as usual. One at a
/// time; the former handlers come back with its end.
class Interrupt {
public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt &) = delete;
  Interrupt &operator=(const Interrupt &) = delete;

  bool requested() const;

private:
  struct sigaction formerInt, formerTerm;
};

} // namespace fovea::training

#endif
