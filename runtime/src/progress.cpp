//===- progress.cpp - the bar on a terminal -------------------------------===//

#include "peft/runtime/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

namespace peft {

std::string durationText(double seconds) {
  const int64_t whole = std::isfinite(seconds) ? int64_t(std::max(0.0, seconds)) : 0;
  char text[64];
  if (whole >= 3600)
    snprintf(text, sizeof text, "%lld:%02d:%02d", (long long)(whole / 3600), int(whole / 60 % 60),
             int(whole % 60));
  else
    snprintf(text, sizeof text, "%02d:%02d", int(whole / 60), int(whole % 60));
  return text;
}

std::string progressText(int64_t done, int64_t total, double loss, double tokensPerSecond, double secondsLeft,
                         int width) {
  char tail[160];
  snprintf(tail, sizeof tail, " %lld/%lld  loss %.4f  %.0f tok/s  %s left", (long long)done, (long long)total,
           loss, tokensPerSecond, durationText(secondsLeft).c_str());
  const std::string text = tail;
  const int room = std::min(40, width - int(text.size()) - 8);
  const double share = total > 0 ? double(done) / double(total) : 0;
  snprintf(tail, sizeof tail, "%3d%% ", int(share * 100));
  std::string bar = tail;
  if (room >= 4) {
    const int full = int(share * room);
    bar += "[" + std::string(size_t(full), '#') + std::string(size_t(room - full), '.') + "]";
  }
  return (bar + text).substr(0, size_t(std::max(1, width - 1)));
}

Progress::Progress(int64_t total, bool enabled) : total(total), enabled(enabled && isatty(STDERR_FILENO)) {}

void Progress::update(int64_t done, double loss, double tokensPerSecond, double secondsLeft) {
  if (!enabled)
    return;
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  const std::string text =
      progressText(done, total, loss, tokensPerSecond, secondsLeft, known ? size.ws_col : 80);
  fprintf(stderr, "\r\033[K%s", text.c_str());
  fflush(stderr);
  shown = true;
}

void Progress::hide() {
  if (shown)
    fputs("\r\033[K", stderr);
  fflush(stderr);
  shown = false;
}

void Progress::print(const std::string &line) {
  hide();
  printf("%s\n", line.c_str());
  fflush(stdout);
}

void Progress::note(const std::string &line) {
  hide();
  fprintf(stderr, "%s\n", line.c_str());
}

} // namespace peft
