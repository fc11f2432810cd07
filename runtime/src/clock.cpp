//===- clock.cpp - time and memory of this process ------------------------===//

#include "peft/runtime/clock.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <unistd.h>

namespace peft {
namespace {
double read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}
} // namespace

double secondsNow() { return read(CLOCK_MONOTONIC); }
double wallClock() { return read(CLOCK_REALTIME); }

double secondsSinceStart() {
  FILE *file = fopen("/proc/self/stat", "r");
  if (!file)
    return 0;
  char text[1024];
  const size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = 0;
  // The second field, the program's name, may hold anything but is closed by the last ')'.
  const char *field = strrchr(text, ')');
  for (int number = 2; field && number < 22; ++number)
    field = strchr(field + 1, ' ');
  if (!field)
    return 0;
  return read(CLOCK_BOOTTIME) - strtod(field, nullptr) / double(sysconf(_SC_CLK_TCK));
}

uint64_t processMemory(const char *name) {
  FILE *file = fopen("/proc/self/status", "r");
  if (!file)
    return 0;
  char line[256];
  uint64_t bytes = 0;
  const size_t length = strlen(name);
  while (fgets(line, sizeof line, file))
    if (!strncmp(line, name, length) && line[length] == ':')
      bytes = strtoull(line + length + 1, nullptr, 10) << 10;
  fclose(file);
  return bytes;
}

} // namespace peft
