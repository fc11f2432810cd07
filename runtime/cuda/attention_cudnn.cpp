//===- attention_cudnn.cpp - attention by cuDNN ---------------------------===//
//
// The one file that includes cudnn-frontend (headers only, from PyPI's nvidia-cudnn-frontend):
// it takes a minute to compile. Without PEFT_CUDNN defined the own kernels do all.
//
// A plan is built when a shape is first met, outside of capturing, and kept for the life of
// the process. q, k, v are read and o, dq, dk, dv written where they are, columns of wider tensors
// too. A dense batch is causal rows; padding at their ends is seen by nobody. A packed batch is a list
// of sequences, padding among them: their begins and lengths are found on the device, their
// number is a bound and those beyond the last are empty. lse is cuDNN's `stats`.
//
// Sums that cuDNN keeps in floats lie in a packed batch as the result does, strides included: dq in any
// order, and dk and dv of each query head where heads are grouped, a whole group's strides apart. Of a wider
// tensor that would be several times the memory, and what lies between dq's columns is not cleared. Such
// results are written densely, into the workspace, and copied.
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
#include <vector>

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
  TokenOffsets,
  Lengths,
  ElementOffsets ///< and more: one of each stride
};

/// What a plan depends on.
struct Problem {
  AttentionShape shape;
  AttentionLayout layout;
  bool backward, deterministic;
  std::array<int64_t, DV + 1> stride{}; ///< from a token to the next, by Id; 0 where there is no such tensor

  bool packed() const { return layout.kind == AttentionLayout::packed; }
  int64_t sequences() const { return packed() ? layout.sequences : shape.batch; }
  int64_t longest() const { return packed() ? std::min<int64_t>(layout.longest, shape.seq) : shape.seq; }
  int64_t tokens() const { return int64_t(shape.batch) * shape.seq; }
  int64_t widestStride() const { return *std::max_element(stride.begin(), stride.end()); }
  Strides strides() const {
    Strides result;
    for (int64_t each : stride)
      if (each)
        result.indexOf(each);
    return result;
  }
  std::vector<int64_t> key() const {
    uint32_t scale;
    memcpy(&scale, &shape.scale, sizeof scale);
    std::vector<int64_t> result = {
        shape.batch, shape.seq,   shape.heads, shape.kvHeads,           shape.dim,    shape.window,
        scale,       sequences(), longest(),   packed() + 2 * backward, deterministic};
    result.insert(result.end(), stride.begin(), stride.end());
    return result;
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
      : problem(problem), graph(std::make_unique<fe::graph::Graph>()), strides(problem.strides()) {
    graph->set_io_data_type(fe::DataType_t::BFLOAT16)
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT);
    if (problem.packed()) {
      for (int i = 0; i < strides.count; ++i)
        elementOffsets.push_back(integers(ElementOffsets + i, problem.sequences() + 1));
      tokenOffsets = integers(TokenOffsets, problem.sequences() + 1);
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
  TensorOf integers(int64_t id, int64_t count) {
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

  /// Dimensions [sequences, heads, tokens, columns] of memory that is [tokens, heads, columns], tokens a
  /// stride apart; stats are [heads, tokens], of each row of the batch or, when packed, of all.
  fe::graph::Tensor_attributes &describe(fe::graph::Tensor_attributes &tensor, Id id) {
    const AttentionShape &shape = problem.shape;
    const bool keys = id == K || id == V || id == DK || id == DV;
    const int64_t heads = keys ? shape.kvHeads : shape.heads, stride = problem.stride[id];
    tensor.set_uid(id);
    if (id == Stats)
      tensor.set_dim({problem.sequences(), heads, problem.longest(), 1})
          .set_stride({problem.packed() ? heads * problem.tokens() : shape.lseRow, shape.lseHead, 1, 1})
          .set_data_type(fe::DataType_t::FLOAT);
    else
      tensor.set_dim({problem.sequences(), heads, problem.longest(), shape.dim})
          .set_stride({problem.longest() * stride, shape.dim, stride, 1})
          .set_data_type(fe::DataType_t::BFLOAT16);
    if (problem.packed())
      tensor.set_ragged_offset(id == Stats ? tokenOffsets : elementOffsets[size_t(strides.indexOf(stride))]);
    return tensor;
  }
  TensorOf input(Id id) {
    fe::graph::Tensor_attributes tensor;
    return graph->tensor(describe(tensor, id));
  }

  const Problem &problem;
  std::unique_ptr<fe::graph::Graph> graph;
  Strides strides;
  std::vector<TensorOf> elementOffsets; ///< of each stride
  TensorOf tokenOffsets, lengths;
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

/// What need not be tried. Offsets are int32, and rows begin at multiples of 16 bytes.
bool suits(const Problem &problem) {
  const AttentionShape &shape = problem.shape;
  for (int64_t stride : problem.stride)
    if (stride % 8)
      return false;
  return problem.layout.kind != AttentionLayout::general && shape.dim % 16 == 0 && shape.dim <= 256 &&
         shape.seq > 1 && problem.tokens() * problem.widestStride() < (int64_t(1) << 31) && handle();
}

/// The plan, kept since a graph that was captured may be replayed; or none, and `refusal`.
Plan *planFor(const peft_context_t &ctx, const Problem &problem) {
  static auto &plans = *new std::map<std::vector<int64_t>, Plan>;
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

template <class T> void *address(const T *pointer) {
  return const_cast<void *>(static_cast<const void *>(pointer));
}

uint64_t roundUp(uint64_t bytes) { return (bytes + 1023) / 1024 * 1024; }

/// A problem and its operands.
struct Call {
  Problem problem;
  const int32_t *segments;
  std::unordered_map<int64_t, void *> pointers{};
  /// Results that go to the workspace first, then there.
  std::vector<std::pair<Id, Tokens<bf16>>> detours{};

  template <class T> void add(Id id, const Tokens<T> &x) {
    problem.stride[id] = x.stride;
    pointers[id] = address(x.data);
  }
  /// dk or dv.
  void addKeyGradient(Id id, const Tokens<bf16> &x) {
    const bool grouped = problem.shape.heads != problem.shape.kvHeads;
    if (!problem.packed() || !grouped || x.stride == keyWidth())
      return add(id, x);
    detours.emplace_back(id, x);
    add(id, Tokens<bf16>{nullptr, keyWidth()});
  }
  int64_t keyWidth() const { return int64_t(problem.shape.kvHeads) * problem.shape.dim; }
  uint64_t detourBytes() const { return roundUp(uint64_t(problem.tokens() * keyWidth()) * sizeof(bf16)); }
  bool isAligned() const {
    for (const auto &[id, pointer] : pointers)
      if (reinterpret_cast<uintptr_t>(pointer) % 16)
        return false;
    return std::all_of(detours.begin(), detours.end(),
                       [](const auto &each) { return each.second.isAligned(); });
  }
};

/// Enqueues the problem, or says in `refusal` why not.
bool run(const peft_context_t &ctx, Call call) try {
  const Problem &problem = call.problem;
  refusal = "a tensor that does not begin at a multiple of 16 bytes";
  if (!call.isAligned())
    return false;
  Plan *plan = planFor(ctx, problem);
  if (!plan)
    return false;
  const CudaContext &cuda = cudaOf(ctx);
  const int sequences = int(problem.sequences());
  const Strides strides = problem.strides();
  const uint64_t offsetBytes =
      problem.packed() ? roundUp(uint64_t(RaggedOffsets::bytes(sequences, strides))) : 0;
  const uint64_t ownBytes = offsetBytes + call.detours.size() * call.detourBytes();
  if (ownBytes + uint64_t(plan->workspace) > cuda.workspaceBytes) {
    refusal =
        "a workspace of " + std::to_string((ownBytes + uint64_t(plan->workspace)) >> 20) + " MiB is wanted";
    return false;
  }
  if (problem.packed()) {
    const RaggedOffsets offsets(cuda.workspace, sequences, strides);
    findSequences(ctx, problem.shape, call.segments, sequences, offsets);
    call.pointers[TokenOffsets] = offsets.token;
    call.pointers[Lengths] = offsets.length;
    for (int i = 0; i < strides.count; ++i)
      call.pointers[ElementOffsets + i] = offsets.element + int64_t(i) * (sequences + 1);
  }
  char *detour = cuda.workspace + offsetBytes;
  for (size_t i = 0; i < call.detours.size(); ++i)
    call.pointers[call.detours[i].first] = detour + i * call.detourBytes();
  cudnnSetStream(handle(), cuda.stream);
  auto status = plan->graph->execute(handle(), call.pointers, cuda.workspace + ownBytes);
  if (status.is_bad())
    fail(ctx, "attention by cudnn: " + status.get_message());
  for (const auto &[id, to] : call.detours)
    copyTokens(ctx, to, {static_cast<const bf16 *>(call.pointers[id]), call.keyWidth()}, problem.tokens(),
               call.keyWidth());
  return true;
} catch (const std::exception &error) { // of the frontend
  fail(ctx, std::string("attention by cudnn: ") + error.what());
  return true;
}

} // namespace

bool cudnnForward(const peft_context_t &ctx, const AttentionShape &shape, const Forward<bf16> &x) {
  Call call{{shape, cudaOf(ctx).attention, false, false}, x.segments};
  call.pointers[Stats] = x.lse;
  call.add(Q, x.q);
  call.add(K, x.k);
  call.add(V, x.v);
  call.add(O, x.o);
  return run(ctx, std::move(call));
}

bool cudnnBackward(const peft_context_t &ctx, const AttentionShape &shape, const Backward<bf16> &x) {
  const int64_t width = int64_t(shape.heads) * shape.dim, keyWidth = int64_t(shape.kvHeads) * shape.dim;
  const bool columns = x.q.stride != width || x.dq.stride != width || x.o.stride != width ||
                       x.dout.stride != width || x.k.stride != keyWidth || x.v.stride != keyWidth ||
                       x.dk.stride != keyWidth || x.dv.stride != keyWidth;
  const AttentionLayout &layout = cudaOf(ctx).attention;
  const bool inOneOrder = columns && layout.kind == AttentionLayout::packed;
  Call call{{shape, layout, true, inOneOrder || cudaOf(ctx).deterministic}, x.segments};
  call.pointers[Stats] = address(x.lse);
  call.add(Q, x.q);
  call.add(K, x.k);
  call.add(V, x.v);
  call.add(O, x.o);
  call.add(DOut, x.dout);
  call.add(DQ, x.dq);
  call.addKeyGradient(DK, x.dk);
  call.addKeyGradient(DV, x.dv);
  return run(ctx, std::move(call));
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
