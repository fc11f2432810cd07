//===- run_kernel_test.cpp - calls that are run again ---------------------===//
//
// What a device records of a run must give the same as its calls, and read anew what has
// changed in memory since: how many rows have a label, and scalars.
//
//===----------------------------------------------------------------------===//

#include "kernel_testing.h"
#include "peft/runtime/map.h"
#include "peft/runtime/place.h"

namespace peft::rt {
namespace {

constexpr int64_t rows = 10, cols = 5, size = 4;

PEFT_HD float doubled(float x) { return 2 * x; }

/// What the part below works on; a part's own arguments are the places of an arena.
struct Work {
  Owned<float> x{{rows, cols}}, y{{rows, cols}}, chunk{{size, cols}};
  Owned<int32_t> targets{{rows}}, labelled{{rows}}, count{{1}};
};
Work *work = nullptr;

void doubleChunk(const peft_context_t &ctx, const peft_batch_t &, const Place *, int64_t chunk) {
  gather_rows<float>(ctx, work->chunk, work->x, work->labelled, work->count, chunk);
  map<doubled>(ctx, work->chunk.tensor(), work->chunk.tensor());
  scatter_rows<float>(ctx, work->y, work->chunk, work->labelled, work->count, chunk);
}

TEST(RunKernel, ReplaysAsManyChunksAsThereAreLabels) {
  Work owned;
  work = &owned;
  Doubles x = randomValues(rows * cols, 1);
  owned.x.assign(x);
  const peft_batch_t batch{};
  const Place places[] = {0};
  // The first run is made call by call, the second may be recorded, the others replayed.
  for (int labels : {6, 10, 0, 1, 4, 5, 9, 10}) {
    Doubles targets(rows, -100.0), want(rows * cols);
    for (int64_t i = 0; i < labels; ++i) {
      const int64_t row = (3 * i + 1) % rows;
      targets[row] = double(i);
      for (int64_t c = 0; c < cols; ++c)
        want[row * cols + c] = 2 * x[row * cols + c];
    }
    owned.targets.assign(targets);
    Status status = device::run(1, [&] {
      zero<float>(context, owned.y);
      labelled_rows(context, owned.labelled, owned.count, owned.targets);
      forEachChunk(context, batch, doubleChunk, places, Tensor<const int32_t>(owned.count), size);
    });
    ASSERT_TRUE(status.isOk()) << status.message();
    EXPECT_EQ(owned.y.doubles(), want) << labels;
  }
}

TEST(RunKernel, ReadsScalarsAnew) {
  Owned<float> gradients({3}), parameters({3}), momentum({3}), norm({});
  Shared<peft_update_t> update(peft_update_t{});
  update->step = 1;
  for (float rate : {0.5f, 0.25f, 0.125f, 1.0f}) {
    update->learning_rate = rate;
    update->max_grad_norm = 2.5f * rate;
    gradients.assign({3, 0, 4});
    parameters.assign({0, 0, 0});
    Status status = device::run(2, [&] {
      clip_norm(context, norm, gradients, update);
      sgd(context, parameters, gradients, momentum, update);
    });
    ASSERT_TRUE(status.isOk()) << status.message();
    EXPECT_EQ(norm.doubles(), Doubles{5});
    expectClose<float>(parameters.doubles(), {-1.5 * rate * rate, 0, -2.0 * rate * rate}, 1e-6);
  }
}

// A value waits in the host's memory while its buffer holds something else.
TEST(RunKernel, OffloadsAndFetches) {
  constexpr int64_t length = 1 << 20, later = 1 << 12;
  Owned<float> source({length}), x({length}), y({length}), small({later}), smallBack({later});
  auto host = device::allocateShared((length + later) * sizeof(float));
  ASSERT_TRUE(host) << host.status().message();
  const Tensor<float> place(static_cast<float *>(*host), {length}),
      behind(static_cast<float *>(*host) + length, {later});
  // Call by call, recorded, replayed: each time with other values.
  for (uint32_t time = 0; time < 4; ++time) {
    const Doubles values = randomValues(length, time), few = randomValues(later, 10 + time);
    source.assign(values);
    small.assign(few);
    Status status = device::run(3, [&] {
      copy<float>(context, x, source);
      offload<float>(context, place, Tensor<const float>(x));
      offload<float>(context, behind, Tensor<const float>(small));
      map<doubled>(context, y.tensor(), x.tensor()); // beside the copy
      await<float>(context, x);
      zero<float>(context, x);
      await<float>(context, small);
      zero<float>(context, small);
      fetch<float>(context, y, Tensor<const float>(place.data, {length}));
      fetch<float>(context, smallBack, Tensor<const float>(behind.data, {later}));
      await<float>(context, smallBack);
      await<float>(context, y);
      map<doubled>(context, x.tensor(), y.tensor());
    });
    ASSERT_TRUE(status.isOk()) << status.message();
    EXPECT_EQ(y.doubles(), values) << time;
    EXPECT_EQ(smallBack.doubles(), few) << time;
    EXPECT_EQ(small.doubles(), Doubles(later));
    EXPECT_EQ(x.doubles()[7], 2 * values[7]);
  }
  device::releaseShared(*host);
}

TEST(RunKernel, OffloadsRowsApart) {
  constexpr int64_t tokens = 301, width = 48;
  auto host = device::allocateShared(tokens * width * sizeof(float));
  ASSERT_TRUE(host) << host.status().message();
  const Tensor<float> place(static_cast<float *>(*host), {tokens, width});
  uint64_t key = 4;
  for (auto [before, behind] : besides) {
    Columns<float> x({tokens, width}, before, behind);
    Owned<float> source({tokens, width}), y({tokens, width});
    for (uint32_t time = 0; time < 4; ++time) {
      const Doubles values = randomValues(tokens * width, time);
      source.assign(values);
      Status status = device::run(key, [&] {
        map<doubled>(context, x.tensor(), source.tensor());
        offload<float>(context, place, Tensor<const float>(x));
        await<float>(context, x);
        map<doubled>(context, x.tensor(), x.tensor());
        fetch<float>(context, y, Tensor<const float>(place));
        await<float>(context, y);
      });
      ASSERT_TRUE(status.isOk()) << status.message();
      for (int64_t i = 0; i < tokens * width; ++i)
        ASSERT_EQ(y.doubles()[i], 2 * values[i]) << time;
      EXPECT_EQ(x.doubles()[7], 4 * values[7]);
    }
    ++key;
  }
  device::releaseShared(*host);
}

TEST(RunKernel, SameBitsEveryTime) {
  const int64_t tokens = 300, width = 512;
  Doubles x = randomValues(tokens * width, 2), dy = randomValues(tokens * width, 3);
  Ints ids;
  for (int64_t i = 0; i < tokens; ++i)
    ids.push_back(int32_t(i % 11));
  Owned<bf16> xs({tokens, width}, x), dys({tokens, width}, dy);
  const auto idsT = ints(ids, {tokens});
  const Shared<peft_update_t> update(peft_update_t{});
  Doubles first;
  for (int time = 0; time < 4; ++time) {
    Owned<float> embedded({11, width}), weight({width}), norm({});
    embedding_weight_grad<bf16>(context, embedded, dys, idsT);
    rms_norm_weight_grad<bf16>(context, weight, dys, xs, 1e-5);
    clip_norm(context, norm, embedded, update);
    Doubles all = embedded.doubles();
    for (const Doubles &more : {weight.doubles(), norm.doubles()})
      all.insert(all.end(), more.begin(), more.end());
    if (time == 0)
      first = all;
    EXPECT_EQ(all, first);
  }
}

} // namespace
} // namespace peft::rt
