//===- gemm.h - one matrix product, by cuBLASLt ---------------------------===//
//
// Row-major. float is exact f32 (no TF32), bf16 sums in f32, e4m3 from part to part. The
// first time that a product of a shape is wanted, cuBLASLt's candidates for it are timed
// where it stands and the fastest is kept (gemm_tune.cpp): its own first choice is up to
// 12 % slower.
//
// Another choice sums in another order. So that two runs give the same bits, what was
// chosen goes to a file, for the machine and with a checkpoint, and is read from there.
//
// Call from the device's one thread. Nothing waits or allocates while the context is
// capturing: a product that is new then takes cuBLASLt's first choice.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_GEMM_H
#define PEFT_RUNTIME_CUDA_GEMM_H

#include "context.h"
#include "peft/runtime/gemm.h"
#include "peft/runtime/status.h"

namespace peft::rt {

/// Enqueued on the context's stream. What goes wrong is kept in the context (check.h).
void run(const peft_context_t &, const Gemm<float, float> &);
void run(const peft_context_t &, const Gemm<bf16, bf16> &);
void run(const peft_context_t &, const Gemm<bf16, float> &);
/// On compute capability 9.0; n and k multiples of 16, all pointers of 16 bytes.
void run(const peft_context_t &, const Fp8Gemm<float> &);
void run(const peft_context_t &, const Fp8Gemm<bf16> &);

/// Loads cuBLASLt, which takes device memory; else the first product does it.
Status openGemm();

/// Reads choices, which take the place of those known: a machine's file first, then a
/// checkpoint's. A missing file is fine. An error says why nothing was taken from it (another
/// card, another cuBLASLt): a warning, since products are then timed anew.
Status loadGemmCache(const std::string &path);
/// Writes all choices of this process, those it read too.
Status saveGemmCache(const std::string &path);
/// How many choices this process has made itself: more than at the last save means that
/// another is due.
uint64_t gemmChoicesMade();

/// Whether new products are timed (the default) or take cuBLASLt's first choice.
void setGemmTuning(bool on);
/// Forgets all choices; captured graphs keep theirs.
void forgetGemmChoices();

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_GEMM_H
