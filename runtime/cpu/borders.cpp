//===- borders.cpp - adapters beside the matrices they adapt --------------===//

#include "parallel.h"
#include "peft/runtime/kernels.h"
#include "peft/runtime/rounded.h"

namespace peft::rt {

template <class T> void fill_borders(const Context &ctx, const Border *borders, int64_t count) {
  for (const Border *border = borders; border != borders + count; ++border) {
    const Border b = *border;
    const auto *from = reinterpret_cast<const float *>(ctx.arena + b.from);
    auto *to = reinterpret_cast<T *>(ctx.arena + b.to);
    parallelFor(b.rows, b.rows * b.cols, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float *row = from + i * b.cols;
        fillRounded(to + i * b.pitch, b.cols, [=](int64_t j) { return b.scale * row[j]; });
      }
    });
  }
}

template void fill_borders<float>(const Context &, const Border *, int64_t);
template void fill_borders<bf16>(const Context &, const Border *, int64_t);

} // namespace peft::rt
