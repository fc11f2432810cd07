//===- progress.h - the bar on a terminal ---------------------------------===//
//
// Drawn on standard error, and only when that is a terminal; elsewhere the log lines
// are all there is. Used by one thread. Times are seconds.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_PROGRESS_H
#define PEFT_RUNTIME_PROGRESS_H

#include <cstdint>
#include <string>

namespace peft {

class Progress {
public:
  Progress() = default;
  /// `total` steps, or bytes.
  Progress(int64_t total, bool enabled);
  /// Leaves the line free.
  ~Progress() { hide(); }

  void update(int64_t done, double loss, double tokensPerSecond, double secondsLeft);
  void loaded(int64_t bytes);
  /// Writes a line to standard output, or to standard error, above the bar.
  void print(const std::string &line);
  void note(const std::string &line);
  void hide();

private:
  void draw(const std::string &text);

  int64_t total = 0;
  double started = 0;
  bool enabled = false, shown = false;
};

/// "1:02:03" or "02:03".
std::string durationText(double seconds);
/// The bar's text, `width` columns at most.
std::string progressText(int64_t done, int64_t total, double loss, double tokensPerSecond, double secondsLeft,
                         int width);
std::string loadingText(int64_t done, int64_t total, double seconds, int width);

} // namespace peft

#endif // PEFT_RUNTIME_PROGRESS_H
