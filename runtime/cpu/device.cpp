//===- device.cpp - the host as the device --------------------------------===//

#include "peft/runtime/device.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace peft::device {

const char *target() { return "cpu"; }

Result<void *> open() { return static_cast<void *>(nullptr); }

Memory memory() { return {}; }

Result<char *> allocate(uint64_t bytes) {
  if (bytes == 0)
    return static_cast<char *>(nullptr);
  void *place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED)
    return Status::error("cannot allocate the program's " + std::to_string(bytes >> 20) +
                         " MiB: " + strerror(errno) + "; compile with a smaller --batch or --seq-len");
  // Fewer page faults and TLB misses. Only where rounding to whole huge pages stays far below 1 %.
  if (bytes >= uint64_t(256) << 20)
    madvise(place, bytes, MADV_HUGEPAGE);
  return static_cast<char *>(place);
}

void release(char *memory, uint64_t bytes) {
  if (memory)
    munmap(memory, bytes);
}

Result<void *> allocateShared(uint64_t bytes) {
  void *memory = calloc(1, bytes);
  if (!memory)
    return Status::error("cannot allocate " + std::to_string(bytes) + " bytes: " + strerror(errno));
  return memory;
}

void releaseShared(void *memory) { free(memory); }

Status upload(void *to, const void *from, uint64_t bytes) {
  memcpy(to, from, bytes);
  return Status::ok();
}

Status download(void *to, const void *from, uint64_t bytes) {
  memcpy(to, from, bytes);
  return Status::ok();
}

Status uploadRows(char *to, uint64_t pitch, const void *from, uint64_t rowBytes, uint64_t rows) {
  for (uint64_t row = 0; row < rows; ++row)
    memcpy(to + row * pitch, static_cast<const char *>(from) + row * rowBytes, rowBytes);
  return Status::ok();
}

Status fillZero(void *memory, uint64_t bytes) {
  memset(memory, 0, bytes);
  return Status::ok();
}

Status uploadShared(void *to, const void *from, uint64_t bytes) { return upload(to, from, bytes); }

void useWorkspace(char *, uint64_t) {}

void setDeterministic(bool) {}

void expectBatch(const int32_t *, int64_t, int64_t) {}

Status multipliesFp8() { return Status::ok(); }

bool readsHostMemory() { return true; }

Status start(uint64_t, const std::function<void()> &enqueue) {
  enqueue();
  return Status::ok();
}

Status wait() { return Status::ok(); }

Status saveChoices(const std::string &) { return Status::ok(); }

Status loadChoices(const std::string &) { return Status::ok(); }

} // namespace peft::device
