//===- weights.h - a program's parameters in memory -----------------------===//
//
// Weights own the arena and the table of pointers that the entry points take. Frozen
// parameters are read where the checkpoint is mapped, or converted into the arena;
// trainable ones lie in the arena and start as the program's table says. Not shared
// between threads while it is being changed.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_WEIGHTS_H
#define PEFT_RUNTIME_WEIGHTS_H

#include "peft/runtime/arena.h"
#include "peft/runtime/checkpoint.h"

namespace peft {

class Weights {
public:
  /// The checkpoint must outlive the result.
  static Result<Weights> load(const peft_program_t &program, const Checkpoint &checkpoint, uint64_t seed);

  const peft_program_t &program() const { return *table; }
  const peft_context_t &context() const { return ctx; }

  /// All trainable parameters at their first values, optimizer and gradients at zero.
  Status initialize(uint64_t seed);

  /// The floats of a trainable parameter, of its gradient, of its optimizer slot.
  float *values(const peft_parameter_t &parameter) const;
  float *gradient(const peft_parameter_t &parameter) const;
  float *slot(const peft_parameter_t &parameter, uint64_t number) const;

  Weights(Weights &&) noexcept = default;
  Weights &operator=(Weights &&) noexcept = default;

private:
  Weights() = default;
  Status place(const peft_parameter_t &parameter, const void *&pointer);
  Status initializeOne(const peft_parameter_t &parameter, uint64_t seed);

  const peft_program_t *table = nullptr;
  const Checkpoint *checkpoint = nullptr;
  Arena arena;
  std::vector<const void *> pointers;
  peft_context_t ctx{};
};

/// Elements of a parameter, and its shape as "[2, 3]".
int64_t elementCount(const peft_parameter_t &parameter);
std::vector<int64_t> shapeOf(const peft_parameter_t &parameter);
std::string shapeText(const std::vector<int64_t> &shape);

/// Whether this runtime and this processor can run the program, and its table holds together.
Status checkProgram(const peft_program_t &program);

} // namespace peft

#endif // PEFT_RUNTIME_WEIGHTS_H
