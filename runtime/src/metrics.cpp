//===- metrics.cpp - console, metrics.jsonl, TensorBoard, history ---------===//

#include "peft/runtime/metrics.h"
#include "peft/runtime/clock.h"
#include "peft/runtime/file.h"
#include "peft/runtime/json.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

namespace peft {
namespace {

std::string eventTag(const std::string &name) {
  if (name.rfind("eval_", 0) == 0)
    return "eval/" + name.substr(5);
  return "train/" + name;
}

nlohmann::json jsonRow(const LogRow &row) {
  nlohmann::json json = {{"step", row.step}};
  for (const auto &[name, value] : row.values) {
    if (value == std::floor(value) && std::fabs(value) < 1e15 && name.rfind("num_", 0) == 0)
      json[name] = int64_t(value);
    else
      json[name] = value;
  }
  return json;
}

} // namespace

std::string consoleLine(const LogRow &row) {
  std::string line = "{";
  for (const auto &[name, value] : row.values) {
    char text[64];
    const bool small = value != 0 && std::fabs(value) < 1e-3;
    if (name.rfind("num_", 0) == 0 || std::fabs(value) >= 1e5)
      snprintf(text, sizeof text, "%.0f", value);
    else
      snprintf(text, sizeof text, small ? "%.3e" : "%.5g", value);
    line += (line.size() > 1 ? ", '" : "'") + name + "': " + text;
  }
  return line + "}";
}

std::string defaultLoggingDir(const std::string &outputDir) {
  char host[256] = "localhost", date[64];
  gethostname(host, sizeof host - 1);
  const time_t now = time(nullptr);
  tm parts{};
  localtime_r(&now, &parts);
  strftime(date, sizeof date, "%b%d_%H-%M-%S", &parts);
  return joinPath(joinPath(outputDir, "runs"), std::string(date) + "_" + host);
}

Result<MetricsLog> MetricsLog::open(const std::string &outputDir, const std::string &eventDir,
                                    const std::vector<nlohmann::json> &history) {
  MetricsLog log;
  log.path = joinPath(outputDir, "metrics.jsonl");
  std::string text;
  for (const nlohmann::json &row : history)
    text += printJson(row) + "\n";
  PEFT_TRY(writeFileAtomically(log.path, text));
  log.descriptor = ::open(log.path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (log.descriptor < 0)
    return Status::error(log.path + ": " + strerror(errno));
  auto events = EventWriter::create(eventDir);
  if (!events)
    return events.status();
  log.events = std::move(*events);
  log.rows = history;
  return log;
}

MetricsLog::MetricsLog(MetricsLog &&other) noexcept
    : path(std::move(other.path)), descriptor(std::exchange(other.descriptor, -1)),
      events(std::move(other.events)), rows(std::move(other.rows)) {}

MetricsLog &MetricsLog::operator=(MetricsLog &&other) noexcept {
  std::swap(path, other.path);
  std::swap(descriptor, other.descriptor);
  std::swap(events, other.events);
  std::swap(rows, other.rows);
  return *this;
}

MetricsLog::~MetricsLog() {
  if (descriptor >= 0)
    close(descriptor);
}

Status MetricsLog::log(const LogRow &row, Progress &progress) {
  progress.print(consoleLine(row));
  rows.push_back(jsonRow(row));
  if (descriptor < 0)
    return Status::ok();
  const std::string line = printJson(rows.back()) + "\n";
  const off_t before = lseek(descriptor, 0, SEEK_END);
  if (const ssize_t written = ::write(descriptor, line.data(), line.size());
      written != ssize_t(line.size())) {
    std::string cause = strerror(written < 0 ? errno : ENOSPC);
    if (ftruncate(descriptor, before) != 0) // no half line shall stay
      cause += std::string(", and half a line stays: ") + strerror(errno);
    return Status::error(path + ": cannot write: " + cause);
  }
  const double now = wallClock();
  for (const auto &[name, value] : row.values)
    PEFT_TRY(events.scalar(eventTag(name), float(value), row.step, now));
  return Status::ok();
}

} // namespace peft
