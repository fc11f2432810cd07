//===- gemm_tune.cpp - the fastest of cuBLASLt's algorithms ---------------===//
//
// cuBLASLt lists its candidates for a product, best guess first; the guess knows neither
// beta nor what else is in the cache. They are timed on the operands themselves, with the
// real strides and beta. A product that adds in place writes to memory of its own meanwhile;
// others write their result, which the true run then writes again.
//
// A step of large products runs at the card's power limit, not at its highest clock, and there
// the fastest algorithm is the one that spends the least energy: on an H200 at 700 W (1.45 of
// 1.98 GHz) tiles of 256 x 128 lead those of 96 x 128 by 12 %, which are as fast on a cool card.
// So the best of a large product's candidates are timed once more, each for long enough that
// the card settles at its clock. That takes 0.3 s a shape, a handful of shapes in a model,
// once a machine (gemm_cache.cpp).
//
//===----------------------------------------------------------------------===//

#include "check.h"
#include "gemm_product.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

namespace peft::rt {
namespace {

constexpr int candidateLimit = 32;
/// Timed at least that long, which lets all candidates of a small product have their turn.
constexpr float leastMilliseconds = 4;
/// A small product is repeated to this length: events resolve half a microsecond.
constexpr float repeatMilliseconds = 0.1f;
constexpr int mostRepeats = 10;
constexpr size_t finalists = 3;
/// From here on a product is large: it runs at the power limit.
constexpr float largeMilliseconds = 0.15f;
/// A large product's candidate runs this long before it is timed, and again while it is.
constexpr float settleMilliseconds = 40;
/// A large product's candidates that a cool card finds slower than this, beside the fastest, are out.
constexpr float hopeless = 1.15f;
constexpr size_t largeFinalists = 5;
/// Faster by less is noise; then cuBLASLt's order decides, and runs agree more often.
constexpr float indifference = 1.01f;
constexpr float never = std::numeric_limits<float>::infinity();

bool tuning = true;

/// Split products may keep their parts in the workspace and add them in order. In place means
/// the order in which blocks finish; parts in bf16 would round sums that must be float.
uint32_t reductionsAllowed(bool deterministic, cudaDataType_t out) {
  uint32_t mask = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  if (out == CUDA_R_32F)
    mask |= CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE | (deterministic ? 0 : CUBLASLT_REDUCTION_SCHEME_INPLACE);
  return mask;
}

/// The largest power of two that divides the address, up to the arena's.
uint32_t alignmentOf(const void *pointer) {
  uint32_t alignment = PEFT_ALIGNMENT;
  while (reinterpret_cast<uintptr_t>(pointer) % alignment)
    alignment /= 2;
  return alignment;
}

using Candidates = std::vector<cublasLtMatmulHeuristicResult_t>;

Result<Candidates> askHeuristic(const CudaContext &cuda, const Product &product, Described &described) {
  cublasLtMatmulPreferenceOpaque_t preference;
  cublasStatus_t status = cublasLtMatmulPreferenceInit(&preference);
  auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    if (!status)
      status = cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof value);
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, cuda.workspaceBytes);
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, reductionsAllowed(cuda.deterministic, product.out));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignmentOf(product.a));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignmentOf(product.b));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignmentOf(product.c()));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignmentOf(product.d));
  Candidates candidates(candidateLimit);
  int count = 0;
  if (!status)
    status = cublasLtMatmulAlgoGetHeuristic(*gemmHandle(), &described.operation, &described.a, &described.b,
                                            &described.c, &described.d, &preference, candidateLimit,
                                            candidates.data(), &count);
  candidates.resize(size_t(count));
  candidates.erase(
      std::remove_if(candidates.begin(), candidates.end(), [](const auto &c) { return c.state != 0; }),
      candidates.end());
  if (status || candidates.empty())
    return Status::error("cublaslt has no algorithm for it: " + nameOf(status));
  return candidates;
}

/// Memory for results that nobody wants. None when the device has none left.
class Scratch {
public:
  explicit Scratch(uint64_t bytes) {
    if (cudaMalloc(&memory, bytes) != cudaSuccess) {
      memory = nullptr;
      (void)cudaGetLastError(); // not a failure of the run
    }
  }
  ~Scratch() { cudaFree(memory); }
  Scratch(const Scratch &) = delete;
  void *get() const { return memory; }

private:
  void *memory = nullptr;
};

/// Times algorithms of one product on the context's stream.
class Stopwatch {
public:
  Stopwatch(const peft_context_t &ctx, const Product &product, Described &described, void *d)
      : ctx(ctx), product(product), described(described), d(d) {
    cudaEventCreate(&begin);
    cudaEventCreate(&end);
  }
  ~Stopwatch() {
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
  }
  Stopwatch(const Stopwatch &) = delete;

  /// Milliseconds of one run, or `never` if it does not run.
  float time(const cublasLtMatmulAlgo_t &algorithm) {
    bool cold = false;
    float milliseconds = once(algorithm, cold);
    // The first launch of a kernel loads it while the device idles: that time says nothing.
    return cold && milliseconds < never ? once(algorithm, cold) : milliseconds;
  }
  float spent = 0; ///< by all runs
  int repeats = 1;

private:
  float once(const cublasLtMatmulAlgo_t &algorithm, bool &cold) {
    using Clock = std::chrono::steady_clock;
    const cudaStream_t stream = cudaOf(ctx).stream;
    float milliseconds = 0;
    cudaEventRecord(begin, stream);
    for (int i = 0; i < repeats; ++i) {
      const Clock::time_point called = Clock::now();
      if (enqueue(ctx, product, described, algorithm, d))
        return never;
      cold = cold || Clock::now() - called > std::chrono::microseconds(100);
    }
    cudaEventRecord(end, stream);
    if (cudaEventSynchronize(end) || cudaEventElapsedTime(&milliseconds, begin, end))
      return never;
    spent += milliseconds;
    return milliseconds / float(repeats);
  }

  const peft_context_t &ctx;
  const Product &product;
  Described &described;
  void *d;
  cudaEvent_t begin = nullptr, end = nullptr;
};

struct Timed {
  size_t index;
  float milliseconds;
};

bool isShorter(Timed a, Timed b) { return a.milliseconds < b.milliseconds; }

/// Every candidate's time on a card as it comes, up to a limit that lets all of a small product have their
/// turn.
std::vector<Timed> timeEach(Stopwatch &watch, const Candidates &candidates) {
  // Also wakes the device, and tells how long the rest may take.
  const float first = watch.time(candidates[0].algo);
  const float limit = std::max(leastMilliseconds, first < never ? 2 * float(candidates.size()) * first : 0);
  watch.repeats = first < never ? std::clamp(int(repeatMilliseconds / first), 1, mostRepeats) : 1;
  watch.spent = 0;
  std::vector<Timed> times;
  for (size_t i = 0; i < candidates.size() && (!i || watch.spent < limit); ++i)
    times.push_back({i, watch.time(candidates[i].algo)});
  return times;
}

/// Those worth another look, in cuBLASLt's order.
std::vector<Timed> best(std::vector<Timed> times, size_t count, float within) {
  std::stable_sort(times.begin(), times.end(), isShorter);
  times.resize(std::min(times.size(), count));
  const float limit = times.front().milliseconds * within;
  times.erase(std::remove_if(times.begin(), times.end(), [&](Timed t) { return t.milliseconds > limit; }),
              times.end());
  std::sort(times.begin(), times.end(), [](Timed a, Timed b) { return a.index < b.index; });
  return times;
}

/// The index of the fastest candidate and its time.
Timed fastest(Stopwatch &watch, const Candidates &candidates) {
  const std::vector<Timed> times = timeEach(watch, candidates);
  const float least = std::min_element(times.begin(), times.end(), isShorter)->milliseconds;
  if (!(least < never))
    return times.front();
  std::vector<Timed> final;
  if (least < largeMilliseconds) {
    final = best(times, finalists, never);
    for (Timed &timed : final)
      timed.milliseconds = std::min(timed.milliseconds, watch.time(candidates[timed.index].algo));
  } else {
    final = best(times, largeFinalists, hopeless);
    watch.repeats = std::max(1, int(settleMilliseconds / least));
    watch.time(candidates[final.front().index].algo); // or the first would find a cooler card than the others
    for (Timed &timed : final) {
      watch.time(candidates[timed.index].algo);
      timed.milliseconds = watch.time(candidates[timed.index].algo);
    }
  }
  const float shortest = std::min_element(final.begin(), final.end(), isShorter)->milliseconds;
  return *std::find_if(final.begin(), final.end(),
                       [&](Timed t) { return t.milliseconds <= shortest * indifference; });
}

} // namespace

Result<Choice> chooseAlgorithm(const peft_context_t &ctx, const Product &product, Described &described) {
  Result<Candidates> candidates = askHeuristic(cudaOf(ctx), product, described);
  if (!candidates)
    return candidates.status();
  const Choice first{candidates->front().algo, 0, true};
  if (!tuning || cudaOf(ctx).capturing)
    return first;
  Scratch scratch(product.inPlace() ? product.outBytes() : 0);
  if (product.inPlace() && !scratch.get())
    return first;
  Stopwatch watch(ctx, product, described, product.inPlace() ? scratch.get() : product.d);
  const Timed winner = fastest(watch, *candidates);
  if (!(winner.milliseconds < never))
    return Status::error("none of cublaslt's algorithms runs");
  return Choice{(*candidates)[winner.index].algo, winner.milliseconds * 1000, true};
}

std::string keyOf(const peft_context_t &ctx, const Product &product) {
  auto letter = [](bool transposed) { return transposed ? "T" : "N"; };
  auto type = [](cudaDataType_t type) {
    return type == CUDA_R_32F ? "f32" : type == CUDA_R_16BF ? "bf16" : "e4m3";
  };
  std::string key = std::string(type(product.in)) + ">" + type(product.out) + "," +
                    letter(product.transposeA) + letter(product.transposeB);
  for (int64_t number : {product.m, product.n, product.k, product.lda, product.ldb, product.ldd})
    key += "," + std::to_string(number);
  for (const void *pointer : {product.a, product.b, static_cast<const void *>(product.d)})
    key += "," + std::to_string(alignmentOf(pointer));
  if (product.add)
    key += ",add";
  if (product.add && !product.inPlace())
    key += std::to_string(product.ldadd) + "," + std::to_string(alignmentOf(product.add));
  if (product.fast)
    key += ",fast";
  if (product.bias)
    key += ",bias" + std::to_string(alignmentOf(product.bias));
  if (!cudaOf(ctx).deterministic)
    key += ",any-order";
  return key;
}

void setGemmTuning(bool on) { tuning = on; }

} // namespace peft::rt
