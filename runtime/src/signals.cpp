//===- signals.cpp - a request to stop ------------------------------------===//

#include "peft/runtime/signals.h"

#include <csignal>

namespace peft {
namespace {

volatile std::sig_atomic_t requested = 0;

void note(int number) {
  requested = number;
  std::signal(number, SIG_DFL); // the next one ends the process
}

} // namespace

void installStopSignals() {
  requested = 0;
  std::signal(SIGINT, note);
  std::signal(SIGTERM, note);
  // A closed pipe or a limit on the size of files is an error of the write, not a death.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

int stopSignal() { return requested; }

void removeStopSignals() {
  requested = 0;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

} // namespace peft
