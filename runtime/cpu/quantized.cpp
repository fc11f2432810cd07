//===- quantized.cpp - frozen weights stored in four bits -----------------===//

#include "peft/runtime/kernels.h"
#include "peft/runtime/quantize.h"

namespace peft::rt {

template <class T>
void dequantize_nf4(const Context &, Tensor<T> y, Tensor<const uint8_t> bytes, int64_t block,
                    int64_t nested) {
  // Threads and the order of roundings are quantize.h's; see there.
  dequantizeNf4<T>(bytes.data, y.size(), block, nested, 0, y.size(), y.data);
}

template void dequantize_nf4(const Context &, Tensor<float>, Tensor<const uint8_t>, int64_t, int64_t);
template void dequantize_nf4(const Context &, Tensor<bf16>, Tensor<const uint8_t>, int64_t, int64_t);

} // namespace peft::rt
