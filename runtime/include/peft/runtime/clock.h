//===- clock.h - time and memory of this process --------------------------===//
//
// Free functions without state; seconds and bytes.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CLOCK_H
#define PEFT_RUNTIME_CLOCK_H

#include <cstdint>

namespace peft {

/// Monotonic.
double secondsNow();
/// Since 1970.
double wallClock();
/// Since this process was started, libraries included (to 10 ms).
double secondsSinceStart();

/// A line of /proc/self/status, in bytes: "RssAnon", "VmHWM"; 0 if unknown.
uint64_t processMemory(const char *name);

} // namespace peft

#endif // PEFT_RUNTIME_CLOCK_H
