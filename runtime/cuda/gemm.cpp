//===- gemm.cpp - products described to cuBLASLt and run ------------------===//
//
// A row-major matrix is the transpose of a column-major one, so a product's result is
// asked for as C^T = B^T A^T: operands change places, flags stay, nothing is copied.
//
//===----------------------------------------------------------------------===//

#include "gemm.h"

#include "check.h"
#include "gemm_product.h"

#include <algorithm>
#include <cctype>

namespace peft::rt {
namespace {

template <class T> constexpr cudaDataType_t typeOf = sizeof(T) == 4 ? CUDA_R_32F : CUDA_R_16BF;

template <class T, class R> Product toColumnMajor(const Gemm<T, R> &gemm) {
  Product product{};
  product.in = typeOf<T>;
  product.out = typeOf<R>;
  product.transposeA = gemm.transposeB;
  product.transposeB = gemm.transposeA;
  product.m = gemm.n;
  product.n = gemm.m;
  product.k = gemm.k;
  product.lda = gemm.ldb;
  product.ldb = gemm.lda;
  product.ldd = gemm.ldc;
  product.a = gemm.b;
  product.b = gemm.a;
  product.d = gemm.c;
  product.bias = gemm.bias;
  product.alpha = gemm.alpha;
  product.add = gemm.add;
  product.ldadd = gemm.ldadd;
  return product;
}

/// FP8 products are "TN": both operands' rows run along k, as codes with a scale a row do.
template <class R> Product toColumnMajor(const Fp8Gemm<R> &gemm) {
  Product product{};
  product.in = CUDA_R_8F_E4M3;
  product.out = typeOf<R>;
  product.transposeA = true;
  product.m = gemm.n;
  product.n = gemm.m;
  product.k = gemm.k;
  product.lda = product.ldb = gemm.k;
  product.ldd = gemm.n;
  product.a = gemm.b;
  product.b = gemm.a;
  product.d = gemm.c;
  product.scaleA = gemm.bScales;
  product.scaleB = gemm.aScales;
  product.alpha = gemm.alpha;
  product.add = gemm.add;
  product.ldadd = gemm.n;
  product.fast = gemm.fast;
  return product;
}

/// Whether an algorithm from a file runs here: it may be of a run with a larger workspace.
bool runsHere(const peft_context_t &ctx, Described &described, const cublasLtMatmulAlgo_t &algorithm) {
  cublasLtMatmulHeuristicResult_t found{};
  return cublasLtMatmulAlgoCheck(*gemmHandle(), &described.operation, &described.a, &described.b,
                                 &described.c, &described.d, &algorithm, &found) == CUBLAS_STATUS_SUCCESS &&
         found.workspaceSize <= cudaOf(ctx).workspaceBytes;
}

/// The known choice, or a new one.
Result<Choice> choiceFor(const peft_context_t &ctx, const Product &product, Described &described,
                         const std::string &key) {
  if (Choice *choice = findChoice(key)) {
    choice->known = choice->known || runsHere(ctx, described, choice->algorithm);
    if (choice->known)
      return *choice;
  }
  Result<Choice> made = chooseAlgorithm(ctx, product, described);
  if (made)
    keepChoice(key, *made);
  return made;
}

void runProduct(const peft_context_t &ctx, const Product &product) {
  if (!product.m || !product.n || (product.inPlace() && !product.k))
    return;
  const std::string key = keyOf(ctx, product);
  auto refuse = [&](const std::string &why) { fail(ctx, "the matrix product " + key + ": " + why); };
  if (Result<cublasLtHandle_t> handle = gemmHandle(); !handle)
    return refuse(handle.status().message());
  Described described;
  if (cublasStatus_t status = describe(described, product))
    return refuse(nameOf(status));
  Result<Choice> choice = choiceFor(ctx, product, described, key);
  if (!choice)
    return refuse(choice.status().message());
  if (cublasStatus_t status = enqueue(ctx, product, described, choice->algorithm, product.d))
    refuse(nameOf(status));
}

} // namespace

cublasStatus_t describe(Described &to, const Product &product) {
  cublasStatus_t status = cublasLtMatmulDescInit(&to.operation, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  auto set = [&](cublasLtMatmulDescAttributes_t attribute, const auto &value) {
    if (!status)
      status = cublasLtMatmulDescSetAttribute(&to.operation, attribute, static_cast<const void *>(&value),
                                              sizeof value);
  };
  auto layout = [&](cublasLtMatrixLayoutOpaque_t &matrix, cudaDataType_t type, bool transpose, int64_t rows,
                    int64_t cols, int64_t ld) {
    if (transpose)
      std::swap(rows, cols);
    if (!status)
      status = cublasLtMatrixLayoutInit(&matrix, type, rows, cols, ld);
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, product.transposeA ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(CUBLASLT_MATMUL_DESC_TRANSB, product.transposeB ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (product.bias) {
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, product.bias);
  }
  if (product.scaleA) {
    set(CUBLASLT_MATMUL_DESC_FAST_ACCUM, int8_t(product.fast));
    const int32_t vectors = CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F;
    set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, vectors);
    set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, vectors);
    set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, product.scaleA);
    set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, product.scaleB);
  }
  layout(to.a, product.in, product.transposeA, product.m, product.k, product.lda);
  layout(to.b, product.in, product.transposeB, product.k, product.n, product.ldb);
  layout(to.c, product.out, false, product.m, product.n, product.ldc());
  layout(to.d, product.out, false, product.m, product.n, product.ldd);
  return status;
}

cublasStatus_t enqueue(const peft_context_t &ctx, const Product &product, Described &described,
                       const cublasLtMatmulAlgo_t &algorithm, void *d) {
  const CudaContext &cuda = cudaOf(ctx);
  const float beta = product.add ? 1.0f : 0.0f;
  return cublasLtMatmul(*gemmHandle(), &described.operation, &product.alpha, product.a, &described.a,
                        product.b, &described.b, &beta, product.c(), &described.c, d, &described.d,
                        &algorithm, cuda.workspace, cuda.workspaceBytes, cuda.stream);
}

Result<cublasLtHandle_t> gemmHandle() {
  static cublasLtHandle_t handle = nullptr;
  if (!handle)
    if (cublasStatus_t status = cublasLtCreate(&handle))
      return Status::error("cublaslt does not start: " + nameOf(status));
  return handle;
}

std::string nameOf(cublasStatus_t status) {
  std::string name = cublasLtGetStatusName(status);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return char(std::tolower(c)); });
  return name;
}

Status openGemm() { return gemmHandle().status(); }

void run(const peft_context_t &ctx, const Gemm<float, float> &gemm) { runProduct(ctx, toColumnMajor(gemm)); }
void run(const peft_context_t &ctx, const Gemm<bf16, bf16> &gemm) { runProduct(ctx, toColumnMajor(gemm)); }
void run(const peft_context_t &ctx, const Gemm<bf16, float> &gemm) { runProduct(ctx, toColumnMajor(gemm)); }
void run(const peft_context_t &ctx, const Fp8Gemm<float> &gemm) { runProduct(ctx, toColumnMajor(gemm)); }
void run(const peft_context_t &ctx, const Fp8Gemm<bf16> &gemm) { runProduct(ctx, toColumnMajor(gemm)); }

} // namespace peft::rt
