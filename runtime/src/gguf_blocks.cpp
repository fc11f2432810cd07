//===- gguf_blocks.cpp - quantized blocks to float ------------------------===//
//
// Every value is rounded as ggml rounds it: build this file without contraction of
// multiply and add (-ffp-contract=off).
//
//===----------------------------------------------------------------------===//

#include "convert.h"
#include "peft/runtime/gguf.h"

namespace peft {

namespace {
struct TypeRow {
  GgmlType type;
  const char *name;
  GgmlBlock block;
};
} // namespace

static const TypeRow typeRows[] = {
    {GgmlType::F32, "f32", {1, 4}},       {GgmlType::F16, "f16", {1, 2}},
    {GgmlType::BF16, "bf16", {1, 2}},     {GgmlType::Q4_0, "q4_0", {32, 18}},
    {GgmlType::Q4_1, "q4_1", {32, 20}},   {GgmlType::Q5_0, "q5_0", {32, 22}},
    {GgmlType::Q5_1, "q5_1", {32, 24}},   {GgmlType::Q8_0, "q8_0", {32, 34}},
    {GgmlType::Q4_K, "q4_k", {256, 144}}, {GgmlType::Q5_K, "q5_k", {256, 176}},
    {GgmlType::Q6_K, "q6_k", {256, 210}},
};

static const TypeRow *findRow(GgmlType type) {
  for (const TypeRow &row : typeRows)
    if (row.type == type)
      return &row;
  return nullptr;
}

const char *toString(GgmlType type) {
  const TypeRow *row = findRow(type);
  return row ? row->name : "unknown";
}

GgmlBlock blockOf(GgmlType type) {
  const TypeRow *row = findRow(type);
  return row ? row->block : GgmlBlock{0, 0};
}

//===--- Blocks of 32 ------------------------------------------------------===//

static float half(const uint8_t *address) { return halfToFloat(loadAs<uint16_t>(address)); }

// Low nibbles are the first 16 elements, high nibbles the last 16.

static void q4_0(const uint8_t *b, float *y) {
  float d = half(b);
  for (int j = 0; j < 16; ++j) {
    y[j] = float((b[2 + j] & 15) - 8) * d;
    y[j + 16] = float((b[2 + j] >> 4) - 8) * d;
  }
}

static void q4_1(const uint8_t *b, float *y) {
  float d = half(b), m = half(b + 2);
  for (int j = 0; j < 16; ++j) {
    y[j] = float(b[4 + j] & 15) * d + m;
    y[j + 16] = float(b[4 + j] >> 4) * d + m;
  }
}

/// Element `j` (0..15) or `j` + 16 of a 5-bit block: its nibble and its bit of `high`.
static int low5(const uint8_t *nibbles, uint32_t high, int j) {
  return int((nibbles[j] & 15) | ((high >> j & 1) << 4));
}
static int high5(const uint8_t *nibbles, uint32_t high, int j) {
  return int((nibbles[j] >> 4) | ((high >> (j + 16) & 1) << 4));
}

static void q5_0(const uint8_t *b, float *y) {
  float d = half(b);
  uint32_t high = loadAs<uint32_t>(b + 2);
  for (int j = 0; j < 16; ++j) {
    y[j] = float(low5(b + 6, high, j) - 16) * d;
    y[j + 16] = float(high5(b + 6, high, j) - 16) * d;
  }
}

static void q5_1(const uint8_t *b, float *y) {
  float d = half(b), m = half(b + 2);
  uint32_t high = loadAs<uint32_t>(b + 4);
  for (int j = 0; j < 16; ++j) {
    y[j] = float(low5(b + 8, high, j)) * d + m;
    y[j + 16] = float(high5(b + 8, high, j)) * d + m;
  }
}

static void q8_0(const uint8_t *b, float *y) {
  float d = half(b);
  for (int j = 0; j < 32; ++j)
    y[j] = float(int8_t(b[2 + j])) * d;
}

//===--- Blocks of 256 -----------------------------------------------------===//

/// The 6-bit scale and minimum of group `j` (0..7), packed in 12 bytes.
static void scaleAndMin(const uint8_t *s, int j, int &scale, int &minimum) {
  if (j < 4) {
    scale = s[j] & 63;
    minimum = s[j + 4] & 63;
  } else {
    scale = (s[j + 4] & 15) | ((s[j - 4] >> 6) << 4);
    minimum = (s[j + 4] >> 4) | ((s[j] >> 6) << 4);
  }
}

/// Eight groups of 32. `high` holds the fifth bits, or is null for four-bit blocks.
static void fourOrFiveBits(const uint8_t *b, const uint8_t *high, const uint8_t *nibbles, float *y) {
  float d = half(b), dmin = half(b + 2);
  for (int g = 0; g < 8; ++g) {
    int scale, minimum;
    scaleAndMin(b + 4, g, scale, minimum);
    float step = d * float(scale), shift = dmin * float(minimum);
    for (int l = 0; l < 32; ++l) {
      int q = nibbles[g / 2 * 32 + l] >> (4 * (g & 1)) & 15;
      if (high)
        q |= (high[l] >> g & 1) << 4;
      y[32 * g + l] = step * float(q) - shift;
    }
  }
}

static void q4_k(const uint8_t *b, float *y) { fourOrFiveBits(b, nullptr, b + 16, y); }
static void q5_k(const uint8_t *b, float *y) { fourOrFiveBits(b, b + 16, b + 48, y); }

static void q6_k(const uint8_t *b, float *y) {
  const uint8_t *low = b, *high = b + 128, *scales = b + 192;
  float d = half(b + 208);
  for (int e = 0; e < 256; ++e) {
    int n = e / 128, k = e % 128 / 32, l = e % 32;
    int q =
        (low[64 * n + 32 * (k & 1) + l] >> (4 * (k >> 1)) & 15) | ((high[32 * n + l] >> (2 * k) & 3) << 4);
    y[e] = d * float(int8_t(scales[e / 16])) * float(q - 32);
  }
}

//===--- Rows --------------------------------------------------------------===//

/// A template so that each block's function is inlined into its loop.
template <void (*unpack)(const uint8_t *, float *)>
static void eachBlock(GgmlBlock block, const uint8_t *src, float *dst, int64_t n) {
  for (int64_t i = 0; i < n; i += block.elements, src += block.bytes)
    unpack(src, dst + i);
}

void dequantizeRow(GgmlType type, const void *source, float *dst, int64_t n) {
  const uint8_t *src = static_cast<const uint8_t *>(source);
  GgmlBlock block = blockOf(type);
  switch (type) {
  case GgmlType::F32:
    std::memcpy(dst, src, size_t(n) * sizeof(float));
    return;
  case GgmlType::F16:
    for (int64_t i = 0; i < n; ++i)
      dst[i] = half(src + 2 * i);
    return;
  case GgmlType::BF16:
    for (int64_t i = 0; i < n; ++i)
      dst[i] = toFloat(loadAs<bf16>(src + 2 * i));
    return;
  case GgmlType::Q4_0:
    return eachBlock<q4_0>(block, src, dst, n);
  case GgmlType::Q4_1:
    return eachBlock<q4_1>(block, src, dst, n);
  case GgmlType::Q5_0:
    return eachBlock<q5_0>(block, src, dst, n);
  case GgmlType::Q5_1:
    return eachBlock<q5_1>(block, src, dst, n);
  case GgmlType::Q8_0:
    return eachBlock<q8_0>(block, src, dst, n);
  case GgmlType::Q4_K:
    return eachBlock<q4_k>(block, src, dst, n);
  case GgmlType::Q5_K:
    return eachBlock<q5_k>(block, src, dst, n);
  case GgmlType::Q6_K:
    return eachBlock<q6_k>(block, src, dst, n);
  }
}

} // namespace peft
