//===- signals.h - a request to stop --------------------------------------===//
//
// The first SIGINT or SIGTERM is noted, the second ends the process at once. State of
// the process; install once.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_SIGNALS_H
#define PEFT_RUNTIME_SIGNALS_H

namespace peft {

void installStopSignals();
/// The signal that came, or 0.
int stopSignal();
/// Forgets it and gives the signals their usual meaning back.
void removeStopSignals();

} // namespace peft

#endif // PEFT_RUNTIME_SIGNALS_H
