//===- arena.cpp - the one allocation of a program ------------------------===//

#include "peft/runtime/arena.h"
#include "peft/runtime/device.h"

#include <utility>

namespace peft {

Result<Arena> Arena::allocate(uint64_t bytes) {
  auto memory = device::allocate(bytes);
  if (!memory)
    return memory.status();
  Arena arena;
  arena.bytes = *memory;
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
    device::release(bytes, length);
}

} // namespace peft
