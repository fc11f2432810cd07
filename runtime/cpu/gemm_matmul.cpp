//===- gemm_matmul.cpp - oneDNN's matmul primitives -----------------------===//
//
// Created once for each shape and kept: creation generates code and takes about a
// millisecond.
//
//===----------------------------------------------------------------------===//

#include "gemm.h"
#include "parallel.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <map>
#include <tuple>

namespace peft::rt {
namespace {

using dnnl::memory;

/// oneDNN's device and queue, and what was created for them.
struct Library {
  /// Everything that a primitive is generated for; the types by the bytes of an element.
  using Key = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, bool, bool, bool, bool, size_t,
                         size_t, float>;
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

template <class T> constexpr memory::data_type typeOf() {
  return sizeof(T) == sizeof(float) ? memory::data_type::f32 : memory::data_type::bf16;
}

memory::desc matrix(int64_t rows, int64_t cols, memory::data_type type, int64_t stride, bool transposed) {
  return {{rows, cols}, type, transposed ? memory::dims{1, stride} : memory::dims{stride, 1}};
}

template <class T, class R> Library::Product create(Library &library, const Gemm<T, R> &g, bool bias) {
  Library::Product product;
  product.a = matrix(g.m, g.k, typeOf<T>(), g.lda, g.transposeA);
  product.b = matrix(g.k, g.n, typeOf<T>(), g.ldb, g.transposeB);
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

template <class T, class R> void addBias(const Gemm<T, R> &g) {
  parallelFor(g.m, g.m * g.n, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      R *row = g.c + i * g.ldc;
#pragma omp simd
      for (int64_t j = 0; j < g.n; ++j)
        row[j] = fromFloat<R>(toFloat(row[j]) + toFloat(g.bias[j]));
    }
  });
}

} // namespace

template <class T, class R> bool runMatmul(const Gemm<T, R> &g) {
  Library &library = Library::get();
  // oneDNN scales the bias as well, so it goes in only where there is no scale;
  // elsewhere the result is rounded before and after it.
  const bool bias = g.bias && g.alpha == 1;
  Library::Key key(g.m, g.n, g.k, g.lda, g.ldb, g.ldc, g.transposeA, g.transposeB, g.add != nullptr, bias,
                   sizeof(T), sizeof(R), g.alpha);
  auto found = library.products.find(key);
  if (found == library.products.end())
    found = library.products.emplace(key, create(library, g, bias)).first;
  Library::Product &product = found->second;
  if (!product.primitive)
    return false;
  startFromAdd(g);
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
  return true;
}

template bool runMatmul(const Gemm<float, float> &);
template bool runMatmul(const Gemm<bf16, bf16> &);
template bool runMatmul(const Gemm<bf16, float> &);

} // namespace peft::rt
