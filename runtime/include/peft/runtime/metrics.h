//===- metrics.h - what a run reports, and where to -----------------------===//
//
// A row of a run's log goes to the console as transformers prints it, to metrics.jsonl
// (one object a line), to TensorBoard's file and into log_history of
// trainer_state.json. Used by one thread.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_METRICS_H
#define PEFT_RUNTIME_METRICS_H

#include "peft/runtime/progress.h"
#include "peft/runtime/tensorboard.h"

#include <nlohmann/json.hpp>

#include <vector>

namespace peft {

/// Names and values, in the order of the console.
struct LogRow {
  int64_t step = 0;
  std::vector<std::pair<std::string, double>> values;
};

class MetricsLog {
public:
  /// A log that writes nothing to files.
  MetricsLog() = default;
  /// metrics.jsonl of `outputDir` begins with `history`, the rows of a resumed run.
  static Result<MetricsLog> open(const std::string &outputDir, const std::string &eventDir,
                                 const std::vector<nlohmann::json> &history);

  MetricsLog(MetricsLog &&other) noexcept;
  MetricsLog &operator=(MetricsLog &&other) noexcept;
  ~MetricsLog();

  Status log(const LogRow &row, Progress &progress);
  const std::vector<nlohmann::json> &history() const { return rows; }

private:
  std::string path;
  int descriptor = -1;
  EventWriter events;
  std::vector<nlohmann::json> rows;
};

/// "{'loss': 1.679, 'epoch': 0.5}"
std::string consoleLine(const LogRow &row);

/// output_dir/runs/Jan02_03-04-05_host
std::string defaultLoggingDir(const std::string &outputDir);

} // namespace peft

#endif // PEFT_RUNTIME_METRICS_H
