//===- arena.cpp - the one allocation of a program ------------------------===//

#include "peft/runtime/arena.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace peft {

Result<Arena> Arena::allocate(uint64_t bytes) {
  Arena arena;
  if (bytes == 0)
    return arena;
  void *place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED)
    return Status::error("cannot allocate the program's " + std::to_string(bytes >> 20) +
                         " MiB: " + strerror(errno) + "; compile with a smaller --batch or --seq-len");
  // Fewer page faults and TLB misses. Only where rounding to whole huge pages stays far below 1 %.
  if (bytes >= uint64_t(256) << 20)
    madvise(place, bytes, MADV_HUGEPAGE);
  arena.bytes = static_cast<char *>(place);
  arena.length = bytes;
  return arena;
}

Arena::Arena(Arena &&other) noexcept
    : bytes(std::exchange(other.bytes, nullptr)), length(std::exchange(other.length, 0)) {}

Arena &Arena::operator=(Arena &&other) noexcept {
  std::swap(bytes, other.bytes);
  std::swap(length, other.length);
  return *this;
}

Arena::~Arena() {
  if (bytes)
    munmap(bytes, length);
}

} // namespace peft
