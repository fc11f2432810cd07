//===- progress.cpp - the bar on a terminal -------------------------------===//

#include "peft/runtime/progress.h"
#include "peft/runtime/clock.h"

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

namespace {

/// "NN% [###...]" and the text, less of the bar where the line is short.
std::string withBar(double share, const std::string &text, int width) {
  const int room = std::min(40, width - int(text.size()) - 8);
  char head[16];
  snprintf(head, sizeof head, "%3d%% ", int(share * 100));
  std::string bar = head;
  if (room >= 4) {
    const int full = int(share * room);
    bar += "[" + std::string(size_t(full), '#') + std::string(size_t(room - full), '.') + "]";
  }
  return (bar + text).substr(0, size_t(std::max(1, width - 1)));
}

double shareOf(int64_t done, int64_t total) { return total > 0 ? double(done) / double(total) : 0; }

int terminalWidth() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

} // namespace

std::string progressText(int64_t done, int64_t total, double loss, double tokensPerSecond, double secondsLeft,
                         int width) {
  char text[160];
  snprintf(text, sizeof text, " %lld/%lld  loss %.4f  %.0f tok/s  %s left", (long long)done, (long long)total,
           loss, tokensPerSecond, durationText(secondsLeft).c_str());
  return withBar(shareOf(done, total), text, width);
}

std::string loadingText(int64_t done, int64_t total, double seconds, int width) {
  const double unit = 1 << 30;
  char text[160];
  snprintf(text, sizeof text, " %.2f/%.2f GiB of weights  %.2f GiB/s", double(done) / unit,
           double(total) / unit, seconds > 0 ? double(done) / unit / seconds : 0.0);
  return withBar(shareOf(done, total), text, width);
}

Progress::Progress(int64_t total, bool enabled)
    : total(total), started(secondsNow()), enabled(enabled && isatty(STDERR_FILENO)) {}

void Progress::update(int64_t done, double loss, double tokensPerSecond, double secondsLeft) {
  if (enabled)
    draw(progressText(done, total, loss, tokensPerSecond, secondsLeft, terminalWidth()));
}

void Progress::loaded(int64_t bytes) {
  if (enabled)
    draw(loadingText(bytes, total, secondsNow() - started, terminalWidth()));
}

void Progress::draw(const std::string &text) {
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
