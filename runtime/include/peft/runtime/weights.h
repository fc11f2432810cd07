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
#include "peft/runtime/runner.h"

namespace peft {

/// One flat run of the trainable floats on the host: the parameters, their gradients or
/// an optimizer slot. The device's own memory where the host can read it, else a copy.
class HostRun {
public:
  /// The floats of one parameter.
  float *of(const peft_parameter_t &parameter) const {
    return floats + (parameter.offset - first) / sizeof(float);
  }
  /// Takes what was written to the device.
  Status store() const;

private:
  friend class Weights;
  float *floats = nullptr;
  uint64_t first = 0; ///< offset of the first parameter
  char *onDevice = nullptr;
  std::vector<float> copy;
};

class Weights {
public:
  /// The checkpoint must outlive the result. `showProgress`: a bar of the bytes that are copied or converted.
  static Result<Weights> load(const peft_program_t &program, const Checkpoint &checkpoint, uint64_t seed,
                              bool showProgress = false);

  const peft_program_t &program() const { return *table; }
  const peft_context_t &context() const { return *ctx; }
  /// The base model that frozen parameters come from.
  const Checkpoint &base() const { return *checkpoint; }

  /// All trainable parameters at their first values, optimizer and gradients at zero.
  Status initialize(uint64_t seed);

  /// An error that names the first trainable parameter with a value that is no number.
  Status checkFinite() const;

  /// The trainable floats, their gradients, an optimizer slot, as they stand.
  Result<HostRun> values() const { return hostRun(table->trainable_offset); }
  Result<HostRun> gradients() const { return hostRun(table->gradient_offset); }
  Result<HostRun> slot(uint64_t number) const {
    return hostRun(table->optimizer_offset + number * table->trainable_count * sizeof(float));
  }

  /// Bytes of a GPU's memory that went since before the arena was allocated, its libraries being open; 0 on
  /// the CPU.
  int64_t deviceGrowth() const;

  /// The program's entry points on these weights.
  Runner &runner() const { return *entries; }

  Weights(Weights &&) noexcept = default;
  Weights &operator=(Weights &&) noexcept = default;

private:
  Weights() = default;
  Status placeAll(bool showProgress);
  Status place(const peft_parameter_t &parameter, const void *&pointer);
  Status readFrozen(const peft_parameter_t &parameter, void *to) const;
  Status initializeOne(const peft_parameter_t &parameter, uint64_t seed, float *first) const;
  Result<HostRun> hostRun(uint64_t offset) const;

  const peft_program_t *table = nullptr;
  const Checkpoint *checkpoint = nullptr;
  struct ReleaseShared {
    void operator()(char *memory) const;
  };

  Arena arena;
  uint64_t freeBefore = 0;     ///< of the device's memory
  std::vector<char> converted; ///< while loading, what can't be converted where it belongs
  std::unique_ptr<char, ReleaseShared> host;
  std::vector<const void *> pointers;
  std::unique_ptr<peft_context_t> ctx;
  std::unique_ptr<Runner> entries;
};

/// Elements of a parameter, and its shape as "[2, 3]".
int64_t elementCount(const peft_parameter_t &parameter);
/// Of one element of a dense parameter.
uint64_t elementBytes(const peft_parameter_t &parameter);
std::vector<int64_t> shapeOf(const peft_parameter_t &parameter);
std::string shapeText(const std::vector<int64_t> &shape);
/// How it lies in memory: "f32", "nf4", ...
const char *storageName(const peft_parameter_t &parameter);

/// Whether this runtime and this processor can run the program, and its table holds together.
Status checkProgram(const peft_program_t &program);

} // namespace peft

#endif // PEFT_RUNTIME_WEIGHTS_H
