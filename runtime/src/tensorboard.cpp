//===- tensorboard.cpp - records of protobufs, by hand --------------------===//

#include "peft/runtime/tensorboard.h"
#include "peft/runtime/clock.h"
#include "peft/runtime/file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace peft {
namespace {

std::array<uint32_t, 256> makeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = value >> 1 ^ (value & 1 ? 0x82F63B78u : 0);
    table[i] = value;
  }
  return table;
}

template <class T> void appendBytes(std::string &out, T value) {
  out.append(reinterpret_cast<const char *>(&value), sizeof value);
}

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out += char(value | 0x80);
  out += char(value);
}

// A field is its number and wire type, then its value.
void appendTag(std::string &out, int field, int wireType) {
  appendVarint(out, uint64_t(field << 3 | wireType));
}

void appendText(std::string &out, int field, std::string_view text) {
  appendTag(out, field, 2);
  appendVarint(out, text.size());
  out += text;
}

std::string eventAt(double wallTime, int64_t step) {
  std::string event;
  appendTag(event, 1, 1);
  appendBytes(event, wallTime);
  if (step != 0) {
    appendTag(event, 2, 0);
    appendVarint(event, uint64_t(step));
  }
  return event;
}

} // namespace

uint32_t crc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = makeTable();
  uint32_t crc = ~0u;
  for (const char c : bytes)
    crc = crc >> 8 ^ table[(crc ^ uint8_t(c)) & 0xff];
  return ~crc;
}

uint32_t maskedCrc32c(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

Result<EventWriter> EventWriter::create(const std::string &directory) {
  PEFT_TRY(makeDirectories(directory));
  char host[256] = "localhost";
  gethostname(host, sizeof host - 1);
  const double now = wallClock();
  EventWriter writer;
  writer.name = joinPath(directory, "events.out.tfevents." + std::to_string(int64_t(now)) + "." + host + "." +
                                        std::to_string(getpid()) + ".0");
  writer.descriptor = ::open(writer.name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (writer.descriptor < 0)
    return Status::error(writer.name + ": " + strerror(errno));
  std::string event = eventAt(now, 0);
  appendText(event, 3, "brain.Event:2");
  PEFT_TRY(writer.record(event));
  return writer;
}

EventWriter::EventWriter(EventWriter &&other) noexcept
    : name(std::move(other.name)), descriptor(std::exchange(other.descriptor, -1)) {}

EventWriter &EventWriter::operator=(EventWriter &&other) noexcept {
  std::swap(name, other.name);
  std::swap(descriptor, other.descriptor);
  return *this;
}

EventWriter::~EventWriter() {
  if (descriptor >= 0)
    close(descriptor);
}

Status EventWriter::scalar(std::string_view tag, float value, int64_t step, double wallTime) {
  if (descriptor < 0)
    return Status::ok();
  std::string entry;
  appendText(entry, 1, tag);
  appendTag(entry, 2, 5);
  appendBytes(entry, value);
  std::string summary;
  appendText(summary, 1, entry);
  std::string event = eventAt(wallTime, step);
  appendText(event, 5, summary);
  return record(event);
}

Status EventWriter::record(const std::string &event) {
  std::string bytes;
  appendBytes(bytes, uint64_t(event.size()));
  appendBytes(bytes, maskedCrc32c(bytes));
  bytes += event;
  appendBytes(bytes, maskedCrc32c(event));
  // One write a record: a reader never sees half of one while the disk has room.
  if (const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
      written != ssize_t(bytes.size()))
    return Status::error(name + ": cannot write: " + strerror(written < 0 ? errno : ENOSPC));
  return Status::ok();
}

} // namespace peft
