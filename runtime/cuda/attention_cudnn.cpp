//===- attention_cudnn.cpp - attention by cuDNN ---------------------------===//
//
// The one file that includes cudnn-frontend (headers only, from PyPI's nvidia-cudnn-frontend):
// it takes a minute to compile. Without PEFT_CUDNN defined the own kernels do all.
//
// A plan is built when a shape is first met, outside of capturing, and kept for the life of
// the process. q, k, v are read and o, dq, dk, dv written where they are. A dense batch is
// causal rows; padding at their ends is seen by nobody. A packed batch is a list of
// sequences, padding among them: their begins and lengths are found on the device, their
// number is a bound and those beyond the last are empty. lse is cuDNN's `stats`.
//
//===----------------------------------------------------------------------===//

#include "attention_parts.h"
#include "check.h"

#include <string>

namespace peft::rt::attention_detail {
namespace {
std::string refusal;
} // namespace

const std::string &cudnnRefusal() { return refusal; }
} // namespace peft::rt::attention_detail

#if defined(PEFT_CUDNN)

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <unordered_map>

#include <cudnn_frontend.h>

namespace peft::rt::attention_detail {
namespace {
namespace fe = cudnn_frontend;
using TensorOf = std::shared_ptr<fe::graph::Tensor_attributes>;

/// Names of tensors of a graph.
enum Id : int64_t {
  Q = 1,
  K,
  V,
  O,
  Stats,
  DOut,
  DQ,
  DK,
  DV,
  QueryOffsets,
  KeyOffsets,
  StatsOffsets,
  Lengths
};

/// What a plan depends on.
struct Problem {
  AttentionShape shape;
  AttentionLayout layout;
  bool backward, deterministic;

  bool packed() const { return layout.kind == AttentionLayout::packed; }
  int64_t sequences() const { return packed() ? layout.sequences : shape.batch; }
  int64_t longest() const { return packed() ? std::min<int64_t>(layout.longest, shape.seq) : shape.seq; }
  int64_t tokens() const { return int64_t(shape.batch) * shape.seq; }
  std::array<int64_t, 11> key() const {
    uint32_t scale;
    memcpy(&scale, &shape.scale, sizeof scale);
    return {shape.batch, shape.seq,   shape.heads, shape.kvHeads,           shape.dim,    shape.window,
            scale,       sequences(), longest(),   packed() + 2 * backward, deterministic};
  }
};

/// No graph: cuDNN does not take the problem.
struct Plan {
  std::unique_ptr<fe::graph::Graph> graph;
  int64_t workspace = 0;
  std::string refusal;
};

class GraphBuilder {
public:
  explicit GraphBuilder(const Problem &problem)
      : problem(problem), graph(std::make_unique<fe::graph::Graph>()) {
    graph->set_io_data_type(fe::DataType_t::BFLOAT16)
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT);
    if (problem.packed()) {
      queryOffsets = integers(QueryOffsets, problem.sequences() + 1);
      keyOffsets = integers(KeyOffsets, problem.sequences() + 1);
      statsOffsets = integers(StatsOffsets, problem.sequences() + 1);
      lengths = integers(Lengths, problem.sequences());
    }
  }

  std::unique_ptr<fe::graph::Graph> forward() {
    auto options = masked(fe::graph::SDPA_attributes().set_name("attention").set_generate_stats(true));
    auto [o, stats] = graph->sdpa(input(Q), input(K), input(V), options);
    describe(*o, O).set_output(true);
    describe(*stats, Stats).set_output(true);
    return std::move(graph);
  }

  std::unique_ptr<fe::graph::Graph> backward() {
    auto options = masked(fe::graph::SDPA_backward_attributes()
                              .set_name("attention_grad")
                              .set_deterministic_algorithm(problem.deterministic));
    if (problem.packed())
      options.set_max_total_seq_len_q(problem.tokens()).set_max_total_seq_len_kv(problem.tokens());
    auto [dq, dk, dv] =
        graph->sdpa_backward(input(Q), input(K), input(V), input(O), input(DOut), input(Stats), options);
    describe(*dq, DQ).set_output(true);
    describe(*dk, DK).set_output(true);
    describe(*dv, DV).set_output(true);
    return std::move(graph);
  }

private:
  TensorOf integers(Id id, int64_t count) {
    return graph->tensor(fe::graph::Tensor_attributes()
                             .set_uid(id)
                             .set_dim({count, 1, 1, 1})
                             .set_stride({1, 1, 1, 1})
                             .set_data_type(fe::DataType_t::INT32));
  }

  template <class Options> Options masked(Options options) {
    options.set_attn_scale(problem.shape.scale).set_causal_mask(true);
    if (problem.shape.window < problem.longest())
      options.set_diagonal_band_left_bound(problem.shape.window);
    if (problem.packed())
      options.set_padding_mask(true).set_seq_len_q(lengths).set_seq_len_kv(lengths);
    return options;
  }

  /// Dimensions [sequences, heads, tokens, columns] of memory that is [tokens, heads, columns];
  /// stats are [heads, tokens], of each row of the batch or, when packed, of all.
  fe::graph::Tensor_attributes &describe(fe::graph::Tensor_attributes &tensor, Id id) {
    const AttentionShape &shape = problem.shape;
    const bool keys = id == K || id == V || id == DK || id == DV;
    const int64_t heads = keys ? shape.kvHeads : shape.heads, width = heads * shape.dim;
    tensor.set_uid(id);
    if (id == Stats)
      tensor.set_dim({problem.sequences(), heads, problem.longest(), 1})
          .set_stride({problem.packed() ? heads * problem.tokens() : shape.lseRow, shape.lseHead, 1, 1})
          .set_data_type(fe::DataType_t::FLOAT);
    else
      tensor.set_dim({problem.sequences(), heads, problem.longest(), shape.dim})
          .set_stride({problem.longest() * width, shape.dim, width, 1})
          .set_data_type(fe::DataType_t::BFLOAT16);
    if (problem.packed())
      tensor.set_ragged_offset(id == Stats ? statsOffsets : keys ? keyOffsets : queryOffsets);
    return tensor;
  }
  TensorOf input(Id id) {
    fe::graph::Tensor_attributes tensor;
    return graph->tensor(describe(tensor, id));
  }

  const Problem &problem;
  std::unique_ptr<fe::graph::Graph> graph;
  TensorOf queryOffsets, keyOffsets, statsOffsets, lengths;
};

/// Of the process; null without cuDNN or a device for it.
cudnnHandle_t handle() {
  static const cudnnHandle_t made = [] {
    cudnnHandle_t result = nullptr;
    return cudnnCreate(&result) == CUDNN_STATUS_SUCCESS ? result : nullptr;
  }();
  return made;
}

Plan build(const Problem &problem) {
  Plan plan;
  GraphBuilder builder(problem);
  plan.graph = problem.backward ? builder.backward() : builder.forward();
  auto status = plan.graph->build(handle(), {fe::HeurMode_t::A});
  if (status.is_good())
    status = plan.graph->get_workspace_size(plan.workspace);
  if (status.is_bad()) {
    plan.graph.reset();
    plan.refusal = status.get_message();
  }
  return plan;
}

/// What need not be tried. Offsets are int32.
bool suits(const Problem &problem) {
  const AttentionShape &shape = problem.shape;
  return problem.layout.kind != AttentionLayout::general && shape.dim % 16 == 0 && shape.dim <= 256 &&
         shape.seq > 1 && problem.tokens() * shape.heads * shape.dim < (int64_t(1) << 31) && handle();
}

/// The plan, kept since a graph that was captured may be replayed; or none, and `refusal`.
Plan *planFor(const peft_context_t &ctx, const Problem &problem) {
  static auto &plans = *new std::map<decltype(problem.key()), Plan>;
  refusal = "a shape or layout that is not tried";
  if (!suits(problem))
    return nullptr;
  auto found = plans.find(problem.key());
  if (found == plans.end()) {
    refusal = "no plan yet, and a graph is being captured";
    if (cudaOf(ctx).capturing)
      return nullptr;
    found = plans.emplace(problem.key(), build(problem)).first;
  }
  refusal = found->second.refusal;
  return found->second.graph ? &found->second : nullptr;
}

using Pointers = std::unordered_map<int64_t, void *>;

/// Enqueues the problem, or says in `refusal` why not.
bool run(const peft_context_t &ctx, const Problem &problem, Pointers pointers, const int32_t *segments) try {
  refusal = "a tensor that does not begin at a multiple of 16 bytes";
  for (const auto &[id, pointer] : pointers)
    if (reinterpret_cast<uintptr_t>(pointer) % 16)
      return false;
  Plan *plan = planFor(ctx, problem);
  if (!plan)
    return false;
  const CudaContext &cuda = cudaOf(ctx);
  const int sequences = int(problem.sequences());
  const int64_t offsetBytes = problem.packed() ? (RaggedOffsets::bytes(sequences) + 1023) / 1024 * 1024 : 0;
  if (uint64_t(offsetBytes + plan->workspace) > cuda.workspaceBytes) {
    refusal = "a workspace of " + std::to_string(plan->workspace >> 20) + " MiB is wanted";
    return false;
  }
  if (problem.packed()) {
    const RaggedOffsets offsets(cuda.workspace, sequences);
    findSequences(ctx, problem.shape, segments, sequences, offsets);
    pointers[QueryOffsets] = offsets.query;
    pointers[KeyOffsets] = offsets.key;
    pointers[StatsOffsets] = offsets.lse;
    pointers[Lengths] = offsets.length;
  }
  cudnnSetStream(handle(), cuda.stream);
  auto status = plan->graph->execute(handle(), pointers, cuda.workspace + offsetBytes);
  if (status.is_bad())
    fail(ctx, "attention by cudnn: " + status.get_message());
  return true;
} catch (const std::exception &error) { // of the frontend
  fail(ctx, std::string("attention by cudnn: ") + error.what());
  return true;
}

template <class T> void *address(const T *pointer) {
  return const_cast<void *>(static_cast<const void *>(pointer));
}

} // namespace

bool cudnnForward(const peft_context_t &ctx, const AttentionShape &shape, const Forward<bf16> &x) {
  return run(ctx, {shape, cudaOf(ctx).attention, false, false},
             {{Q, address(x.q)}, {K, address(x.k)}, {V, address(x.v)}, {O, x.o}, {Stats, x.lse}}, x.segments);
}

bool cudnnBackward(const peft_context_t &ctx, const AttentionShape &shape, const Backward<bf16> &x) {
  return run(ctx, {shape, cudaOf(ctx).attention, true, cudaOf(ctx).deterministic},
             {{Q, address(x.q)},
              {K, address(x.k)},
              {V, address(x.v)},
              {O, address(x.o)},
              {Stats, address(x.lse)},
              {DOut, address(x.dout)},
              {DQ, x.dq},
              {DK, x.dk},
              {DV, x.dv}},
             x.segments);
}

} // namespace peft::rt::attention_detail

namespace peft::rt {
void openAttention() { attention_detail::handle(); }
} // namespace peft::rt

#else

namespace peft::rt::attention_detail {
bool cudnnForward(const peft_context_t &, const AttentionShape &, const Forward<bf16> &) {
  refusal = "built without cudnn";
  return false;
}
bool cudnnBackward(const peft_context_t &, const AttentionShape &, const Backward<bf16> &) {
  refusal = "built without cudnn";
  return false;
}
} // namespace peft::rt::attention_detail

namespace peft::rt {
void openAttention() {}
} // namespace peft::rt

#endif
