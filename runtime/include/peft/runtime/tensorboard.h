//===- tensorboard.h - scalars in TensorBoard's event files ---------------===//
//
// One file a run, of records (length, checksum, protobuf, checksum), as TensorFlow
// writes them. An EventWriter is used by one thread at a time; every scalar is on its
// way to the file when the call returns.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_TENSORBOARD_H
#define PEFT_RUNTIME_TENSORBOARD_H

#include "peft/runtime/status.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace peft {

class EventWriter {
public:
  /// Opens events.out.tfevents.TIME.HOST.PID.0 in `directory`, which is made if need be.
  static Result<EventWriter> create(const std::string &directory);

  EventWriter() = default;
  EventWriter(EventWriter &&other) noexcept;
  EventWriter &operator=(EventWriter &&other) noexcept;
  ~EventWriter();

  /// `wallTime` in seconds since 1970.
  Status scalar(std::string_view tag, float value, int64_t step, double wallTime);
  const std::string &path() const { return name; }

private:
  Status record(const std::string &event);
  std::string name;
  int descriptor = -1;
};

/// CRC-32C (Castagnoli), and the form in which records hold it.
uint32_t crc32c(std::string_view bytes);
uint32_t maskedCrc32c(std::string_view bytes);

} // namespace peft

#endif // PEFT_RUNTIME_TENSORBOARD_H
