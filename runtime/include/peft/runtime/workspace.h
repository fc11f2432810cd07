//===- workspace.h - what CUDA kernels work in ----------------------------===//
//
// Plain arithmetic, so that the compiler can plan what the kernels will ask for: bytes of
// the arena whose contents don't outlive a call. A call that finds less takes another way
// or works in parts.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_WORKSPACE_H
#define PEFT_RUNTIME_WORKSPACE_H

#include <algorithm>
#include <cstdint>

namespace peft::rt {

/// cuBLASLt refuses a workspace that begins elsewhere.
inline constexpr uint64_t workspaceAlignment = 256;
/// What matrix products are chosen within: NVIDIA's advice for Hopper is 32 MiB.
inline constexpr uint64_t productWorkspace = uint64_t(64) << 20;

struct AttentionSizes {
  int64_t batch = 0, seq = 0, heads = 0, kvHeads = 0, dim = 0;
  /// Whether dq, dk and dv are columns of wider tensors.
  bool columns = false;
};

/// What attention_grad wants so that cuDNN (9.19, sm_90) can do it for rows that are one
/// sequence each, or for `sequences` (not 0) packed ones of at most `longest` tokens; the
/// forward pass wants 1 MiB. With less the own kernels do it.
///
///   free order     4 B H S D   dQ in float           deterministic   2 B H S S   dS, S rounded up to 128
///   grouped heads  4 B H S D   dK and dV of each query head (8 B H S D when packed)
///   always         4 B H S     rows' dot products
///
/// and 1 MiB for the rest. As columns, packed ones of grouped heads want 4 B S D more for each head of keys,
/// for dk and dv that are dense at first. S is seq and B the batch; when packed, B S is batch * seq but for
/// dS, whose S is `longest` and whose B is `sequences`. Agrees with what was measured on an H200 to 1 MiB.
inline uint64_t attentionWorkspace(const AttentionSizes &sizes, bool deterministic, int64_t sequences = 0,
                                   int64_t longest = 0) {
  auto roundUp = [](int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; };
  const bool packed = sequences != 0;
  const int64_t tokens = sizes.batch * roundUp(sizes.seq, 64), rows = tokens * sizes.heads;
  const int64_t side = roundUp(packed ? longest : sizes.seq, 128);
  const bool pitched = packed && sizes.columns;
  int64_t bytes = 4 * rows + (int64_t(1) << 20);
  bytes += deterministic ? 2 * (packed ? sequences : sizes.batch) * sizes.heads * side * side
                         : 4 * rows * sizes.dim;
  if (sizes.heads != sizes.kvHeads) {
    bytes += (packed ? 8 : 4) * rows * sizes.dim;
    if (pitched)
      bytes += 4 * tokens * sizes.kvHeads * sizes.dim;
  }
  return uint64_t(bytes);
}

/// What a program plans for cuDNN. In any order packed rows want more than whole ones, whatever their number;
/// in one order, which columns go in always, the many sequences and the long one of a bad batch would want
/// more than anyone should plan: such a batch goes to the own kernels.
inline uint64_t plannedAttentionWorkspace(const AttentionSizes &sizes, bool deterministic) {
  return attentionWorkspace(sizes, deterministic, deterministic || sizes.columns ? 0 : 1, sizes.seq);
}

/// What the own kernels want in order to take a whole batch at once: at least one row's, a
/// batch-th part of it, must be there.
inline uint64_t ownAttentionWorkspace(const AttentionSizes &sizes) {
  auto roundUp = [](int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; };
  // The rows' dot products, and two numbers for 64 tokens.
  const int64_t row = roundUp(4 * sizes.heads * sizes.seq, 256) + roundUp(8 * ((sizes.seq + 63) / 64), 256);
  return uint64_t(sizes.batch * row);
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_WORKSPACE_H
