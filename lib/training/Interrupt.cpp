// The handler only sets a flag: nothing else is safe in one.
#include "training/Interrupt.h"

namespace fovea::training {
namespace {

volatile std::sig_atomic_t flag = 0;

void setFlag(int) { flag = 1; }

} // namespace

Interrupt::Interrupt() {
  flag = 0;
  struct sigaction action = {};
  action.sa_handler = setFlag;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, &formerInt);
  sigaction(SIGTERM, &action, &formerTerm);
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &formerInt, nullptr);
  sigaction(SIGTERM, &formerTerm, nullptr);
}

bool Interrupt::requested() const { return flag != 0; }

} // namespace fovea::training
