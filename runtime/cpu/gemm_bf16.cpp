//===- gemm_bf16.cpp - products of bf16 matrices --------------------------===//
//
// In AMX tiles where there are some (gemm_amx.cpp). Else oneDNN's matmul primitives,
// created once for each shape and kept: creation generates code and takes about a
// millisecond.
//
//===----------------------------------------------------------------------===//

#include "amx_usable.h"
#include "gemm.h"
#include "parallel.h"
#include "simd.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <map>
#include <tuple>
#include <vector>

namespace peft::rt {
namespace {

using dnnl::memory;

/// oneDNN's device and queue, and what was created for them.
struct Library {
  /// Everything that a primitive is generated for.
  using Key =
      std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, bool, bool, bool, bool, bool, float>;
  struct Product {
    memory::desc a, b, c, bias, scratchpad;
    dnnl::matmul primitive; ///< empty where the processor can't
  };

  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::map<Key, Product> products;
  /// Of whichever product runs: fresh pages a call would cost more than some products take.
  Scratch scratchpad;

  static Library &get() {
    static Library *library = new Library; // never destroyed: oneDNN may be gone before it
    return *library;
  }
};

template <class R> constexpr memory::data_type typeOf() {
  return sizeof(R) == sizeof(float) ? memory::data_type::f32 : memory::data_type::bf16;
}

memory::desc matrix(int64_t rows, int64_t cols, memory::data_type type, int64_t stride, bool transposed) {
  return {{rows, cols}, type, transposed ? memory::dims{1, stride} : memory::dims{stride, 1}};
}

template <class R> Library::Product create(Library &library, const Gemm<bf16, R> &g, bool bias) {
  Library::Product product;
  product.a = matrix(g.m, g.k, memory::data_type::bf16, g.lda, g.transposeA);
  product.b = matrix(g.k, g.n, memory::data_type::bf16, g.ldb, g.transposeB);
  product.c = matrix(g.m, g.n, typeOf<R>(), g.ldc, false);
  if (bias)
    product.bias = matrix(1, g.n, typeOf<R>(), g.n, false);
  dnnl::primitive_attr attributes;
  dnnl::post_ops after;
  if (g.alpha != 1)
    after.append_eltwise(dnnl::algorithm::eltwise_linear, g.alpha, 0.0f);
  if (g.add)
    after.append_sum(1.0f);
  attributes.set_post_ops(after);
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::matmul::primitive_desc chosen(library.engine, product.a, product.b, product.bias, product.c,
                                      attributes, /*allow_empty=*/true);
  if (chosen) {
    product.primitive = dnnl::matmul(chosen);
    product.scratchpad = chosen.scratchpad_desc();
  }
  return product;
}

template <class R> void addBias(const Gemm<bf16, R> &g) {
  parallelFor(g.m, g.m * g.n, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      R *row = g.c + i * g.ldc;
#pragma omp simd
      for (int64_t j = 0; j < g.n; ++j)
        row[j] = fromFloat<R>(toFloat(row[j]) + toFloat(g.bias[j]));
    }
  });
}

/// A float copy of a matrix as stored.
template <class U> std::vector<float> widened(const U *from, int64_t rows, int64_t cols, int64_t stride) {
  std::vector<float> result(rows * cols);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j)
      result[i * cols + j] = toFloat(from[i * stride + j]);
  return result;
}

template <class R> void runWidened(const Gemm<bf16, R> &g) {
  Gemm<float, float> wide;
  wide.m = g.m, wide.n = g.n, wide.k = g.k;
  wide.transposeA = g.transposeA, wide.transposeB = g.transposeB;
  wide.lda = g.transposeA ? g.m : g.k;
  wide.ldb = g.transposeB ? g.k : g.n;
  wide.ldc = g.n;
  wide.alpha = g.alpha, wide.add = g.add;
  std::vector<float> a = widened(g.a, g.transposeA ? g.k : g.m, wide.lda, g.lda);
  std::vector<float> b = widened(g.b, g.transposeB ? g.n : g.k, wide.ldb, g.ldb);
  std::vector<float> c = g.add ? widened(g.c, g.m, g.n, g.ldc) : std::vector<float>(g.m * g.n);
  std::vector<float> bias = g.bias ? widened(g.bias, 1, g.n, g.n) : std::vector<float>();
  wide.a = a.data(), wide.b = b.data(), wide.c = c.data();
  wide.bias = g.bias ? bias.data() : nullptr;
  run(wide);
  for (int64_t i = 0; i < g.m; ++i)
    for (int64_t j = 0; j < g.n; ++j)
      g.c[i * g.ldc + j] = fromFloat<R>(c[i * g.n + j]);
}

template <class R> void runBf16(const Gemm<bf16, R> &g) {
  if constexpr (amx::built)
    if (amx::usable() && (g.m >= 32 || g.transposeA))
      return amx::run(g);
  Library &library = Library::get();
  // oneDNN scales the bias as well, so it goes in only where there is no scale;
  // elsewhere the result is rounded before and after it.
  const bool bias = g.bias && g.alpha == 1;
  Library::Key key(g.m, g.n, g.k, g.lda, g.ldb, g.ldc, g.transposeA, g.transposeB, g.add, bias,
                   std::is_same_v<R, float>, g.alpha);
  auto found = library.products.find(key);
  if (found == library.products.end())
    found = library.products.emplace(key, create(library, g, bias)).first;
  Library::Product &product = found->second;
  if (!product.primitive)
    return runWidened(g);
  void *scratch =
      library.scratchpad.floats(int64_t(product.scratchpad.get_size() + sizeof(float) - 1) / sizeof(float));
  auto at = [&](const memory::desc &desc, const void *data) {
    return memory(desc, library.engine, const_cast<void *>(data));
  };
  std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, at(product.a, g.a)},
                                            {DNNL_ARG_WEIGHTS, at(product.b, g.b)},
                                            {DNNL_ARG_DST, at(product.c, g.c)},
                                            {DNNL_ARG_SCRATCHPAD, at(product.scratchpad, scratch)}};
  if (bias)
    arguments.emplace(DNNL_ARG_BIAS, at(product.bias, g.bias));
  product.primitive.execute(library.stream, arguments);
  library.stream.wait();
  if (g.bias && !bias)
    addBias(g);
}

} // namespace

void run(const Gemm<bf16, bf16> &g) { runBf16(g); }
void run(const Gemm<bf16, float> &g) { runBf16(g); }

} // namespace peft::rt
