//===- gemm_product.h - a product as cuBLASLt takes it --------------------===//
//
// Shared by the files of gemm.h: a product without C++ types, its descriptors, and the
// algorithm chosen for it.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_CUDA_GEMM_PRODUCT_H
#define PEFT_RUNTIME_CUDA_GEMM_PRODUCT_H

#include "gemm.h"

#include <cublasLt.h>

namespace peft::rt {

/// Column-major: d [m, n] = alpha * op(a) op(b) + bias (one for each row), or add + alpha * op(a) op(b). With
/// scales, those of e4m3, row i of op(a) is multiplied by scaleA[i], column j of op(b) by scaleB[j].
struct Product {
  cudaDataType_t in, out;
  bool transposeA, transposeB;
  int64_t m, n, k, lda, ldb, ldd;
  const void *a, *b;
  void *d;
  const void *bias;
  const float *scaleA, *scaleB;
  float alpha;
  const void *add; ///< null, d itself, or memory apart from it
  int64_t ldadd;
  bool fast; ///< of e4m3: CUBLASLT_MATMUL_DESC_FAST_ACCUM

  bool inPlace() const { return add && add == d; }
  /// What cuBLASLt calls C: of d's layout where nothing is added.
  const void *c() const { return add ? add : d; }
  int64_t ldc() const { return add ? ldadd : ldd; }
  uint64_t outBytes() const { return uint64_t(ldd) * n * (out == CUDA_R_32F ? 4 : 2); }
};

/// cuBLASLt's descriptors of a product. They live in the object: nothing is allocated.
struct Described {
  cublasLtMatmulDescOpaque_t operation;
  cublasLtMatrixLayoutOpaque_t a, b, c, d;
};
cublasStatus_t describe(Described &, const Product &);

/// How a product is computed.
struct Choice {
  cublasLtMatmulAlgo_t algorithm{};
  float microseconds = 0; ///< when it was timed, else 0
  bool known = false;     ///< it runs here within the workspace; a file's must be tried first
};

/// The process's one handle.
Result<cublasLtHandle_t> gemmHandle();

/// Enqueues the product, its result to `d`.
cublasStatus_t enqueue(const peft_context_t &, const Product &, Described &, const cublasLtMatmulAlgo_t &,
                       void *d);

/// The fastest algorithm for the product, timed if that is possible now.
Result<Choice> chooseAlgorithm(const peft_context_t &, const Product &, Described &);

/// All that an algorithm depends on, as one word in a file.
std::string keyOf(const peft_context_t &, const Product &);
/// Null when the key is new.
Choice *findChoice(const std::string &key);
void keepChoice(const std::string &key, const Choice &);

/// "cublas_status_not_supported": for messages.
std::string nameOf(cublasStatus_t);

} // namespace peft::rt

#endif // PEFT_RUNTIME_CUDA_GEMM_PRODUCT_H
