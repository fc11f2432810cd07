//===- schedule.h - the learning rate of a step ---------------------------===//
//
// The formulas of transformers' get_scheduler. A value type; const methods may be
// called from several threads.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_SCHEDULE_H
#define PEFT_RUNTIME_SCHEDULE_H

#include "peft/runtime/status.h"

#include <cstdint>
#include <string_view>

namespace peft {

enum class ScheduleKind { Linear, Cosine, Constant, ConstantWithWarmup };

/// "linear", "cosine", "constant" or "constant_with_warmup".
Result<ScheduleKind> parseSchedule(std::string_view name);

struct Schedule {
  ScheduleKind kind = ScheduleKind::Linear;
  double peak = 0;    ///< learning_rate
  int64_t warmup = 0; ///< optimizer steps; ignored by `constant`
  int64_t steps = 0;  ///< of the whole run

  /// The learning rate of optimizer step `step`, 0 for the first.
  double at(int64_t step) const;
};

} // namespace peft

#endif // PEFT_RUNTIME_SCHEDULE_H
