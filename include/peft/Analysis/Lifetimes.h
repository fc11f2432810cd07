//===- Lifetimes.h - when the buffers of a schedule are live --------------===//
//
// Assumes the scheduled level: straight lines of calls, `exec.chunks` bodies read as
// if they ran once, in place (what lives around a loop lives through all of it).
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_ANALYSIS_LIFETIMES_H
#define PEFT_ANALYSIS_LIFETIMES_H

#include "dialects/Exec/Exec.h"
#include "peft/Analysis/MemoryPlan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace peft {

struct Lifetime {
  exec::BufferOp buffer;
  Interval interval;
  mlir::Operation *writer; ///< the first
  bool saved = false;      ///< written before the backward part, read in it
};

struct Lifetimes {
  explicit Lifetimes(mlir::func::FuncOp function);

  std::vector<Lifetime> buffers;
  std::vector<Lifetime> hostBuffers; ///< those that lie in the host's memory
  int64_t length = 0;                ///< calls
  int64_t backwardStart = -1;        ///< position of the first call of the backward part, or -1
};

uint64_t bytesOf(mlir::MemRefType type);

} // namespace peft

#endif // PEFT_ANALYSIS_LIFETIMES_H
