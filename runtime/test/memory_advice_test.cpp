//===- memory_advice_test.cpp - what to compile where memory is short -----===//

#include "peft/runtime/memory_advice.h"

#include <gtest/gtest.h>

using namespace peft;

namespace {

constexpr uint64_t gib = uint64_t(1) << 30;

/// Llama-3.1-8B in bf16, 4 rows of 2048 tokens: 15 GiB of weights, 6 a row, 1 of workspace.
struct Program {
  Program() {
    table.batch = 4;
    table.arena_bytes = 41 * gib;
    table.workspace_bytes = gib;
    table.memory = rows;
    table.memory_count = 3;
    table.parameters = &parameter;
    table.parameter_count = 1;
  }
  const peft_memory_t rows[3] = {
      {"frozen weights", 15 * gib}, {"saved activations", 24 * gib}, {"temporaries", gib}};
  peft_parameter_t parameter{};
  peft_program_t table{};
};

} // namespace

TEST(MemoryAdvice, TheLargestBatchThatFits) {
  const Program program;
  EXPECT_EQ(memoryAdvice(program.table, 36 * gib),
            "compile with --batch 3, which takes about 34.8 GiB, with a smaller "
            "--seq-len or --memory, or with --quantize nf4");
  EXPECT_EQ(memoryAdvice(program.table, 24 * gib).substr(0, 22), "compile with --batch 1");
}

TEST(MemoryAdvice, WhereNoBatchFits) {
  Program program;
  EXPECT_EQ(memoryAdvice(program.table, 12 * gib), "even --batch 1 takes about 22.3 GiB: compile with a "
                                                   "smaller --seq-len or --memory, or with --quantize nf4");
  program.parameter.encoding = PEFT_NF4;
  program.table.batch = 1;
  EXPECT_EQ(memoryAdvice(program.table, 12 * gib), "compile with a smaller --seq-len or --memory");
}

TEST(MemoryAdvice, Sizes) {
  EXPECT_EQ(bytesText(uint64_t(41.5 * double(gib))), "41.5 GiB");
  EXPECT_EQ(bytesText(812 * gib / 1024), "812 MiB");
  EXPECT_EQ(bytesText(1), "1 MiB");
}
