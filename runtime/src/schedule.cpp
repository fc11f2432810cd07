//===- schedule.cpp - the learning rate of a step -------------------------===//

#include "peft/runtime/schedule.h"

#include <algorithm>
#include <cmath>

namespace peft {

Result<ScheduleKind> parseSchedule(std::string_view name) {
  if (name == "linear")
    return ScheduleKind::Linear;
  if (name == "cosine")
    return ScheduleKind::Cosine;
  if (name == "constant")
    return ScheduleKind::Constant;
  if (name == "constant_with_warmup")
    return ScheduleKind::ConstantWithWarmup;
  return Status::error(
      "--lr_scheduler_type: expected linear, cosine, constant or constant_with_warmup, got '" +
      std::string(name) + "'");
}

double Schedule::at(int64_t step) const {
  if (kind == ScheduleKind::Constant)
    return peak;
  if (step < warmup)
    return peak * double(step) / double(warmup);
  if (kind == ScheduleKind::ConstantWithWarmup)
    return peak;
  const double rest = double(std::max<int64_t>(1, steps - warmup));
  if (kind == ScheduleKind::Linear)
    return peak * std::max(0.0, double(steps - step) / rest);
  const double progress = double(step - warmup) / rest;
  return peak * std::max(0.0, 0.5 * (1 + std::cos(std::acos(-1.0) * progress)));
}

} // namespace peft
