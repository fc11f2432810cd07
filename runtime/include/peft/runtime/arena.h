//===- arena.h - the one allocation of a program --------------------------===//
//
// Zeroed memory of the device, of exactly the planned size, taken once. Not copied.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_ARENA_H
#define PEFT_RUNTIME_ARENA_H

#include "peft/runtime/status.h"

#include <cstdint>

namespace peft {

class Arena {
public:
  static Result<Arena> allocate(uint64_t bytes);

  Arena() = default;
  Arena(Arena &&other) noexcept;
  Arena &operator=(Arena &&other) noexcept;
  ~Arena();

  char *data() const { return bytes; }
  uint64_t size() const { return length; }

private:
  char *bytes = nullptr;
  uint64_t length = 0;
};

} // namespace peft

#endif // PEFT_RUNTIME_ARENA_H
