//===- kernel_testing.h - what the kernel tests share ---------------------===//
//
// Every kernel is compared with a plain double-precision loop in its test, and every
// gradient with central differences of that loop. Inputs are values that bf16 holds
// exactly, so that one reference serves both element types.
//
// Tensors and scalars live where the device of device.h wants them: the same tests are
// built for the CPU's kernels and for CUDA's.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_TEST_KERNEL_TESTING_H
#define PEFT_RUNTIME_TEST_KERNEL_TESTING_H

#include "peft/runtime/device.h"
#include "peft/runtime/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <type_traits>
#include <vector>

namespace peft::rt {

using Doubles = std::vector<double>;
using Ints = std::vector<int32_t>;
using ElementTypes = ::testing::Types<float, bf16>;

/// The value of a Result; a test without its device or its memory ends here.
template <class T> T mustHave(Result<T> result) {
  if (!result) {
    fprintf(stderr, "%s\n", result.status().message().c_str());
    exit(1);
  }
  return *result;
}

inline const Context context{nullptr, nullptr, mustHave(device::open()), nullptr};

/// Values in [-scale, scale), rounded to bf16; the same for the same seed.
inline Doubles randomValues(size_t count, uint32_t seed, double scale = 1) {
  Doubles values(count);
  uint32_t state = seed * 2654435761u + 12345u;
  for (double &value : values) {
    state = state * 1664525u + 1013904223u;
    value = toFloat(fromFloat<bf16>(float((double(state >> 8) / 8388608.0 - 1.0) * scale)));
  }
  return values;
}

/// A tensor with memory of its own, on the device.
template <class T> class Owned {
public:
  explicit Owned(std::initializer_list<int64_t> shape) : view(nullptr, shape) {
    view.data = reinterpret_cast<T *>(mustHave(device::allocate(bytes())));
  }
  Owned(std::initializer_list<int64_t> shape, const Doubles &from) : Owned(shape) { assign(from); }
  Owned(const Owned &) = delete;
  ~Owned() { device::release(reinterpret_cast<char *>(view.data), bytes()); }

  operator Tensor<T>() { return view; }
  operator Tensor<const T>() const { return view; }
  Tensor<T> tensor() { return view; }
  /// For pointers among a kernel's attributes.
  const T *data() const { return view.data; }

  void assign(const Doubles &from) {
    ASSERT_EQ(from.size(), size_t(view.size()));
    std::vector<T> values;
    for (double value : from)
      values.push_back(element(value));
    upload(values);
  }
  void upload(const std::vector<T> &values) {
    ASSERT_EQ(values.size(), size_t(view.size()));
    Status status = device::upload(view.data, values.data(), bytes());
    EXPECT_TRUE(status.isOk()) << status.message();
  }
  std::vector<T> values() const {
    std::vector<T> result(size_t(view.size()));
    Status status = device::download(result.data(), view.data, bytes());
    EXPECT_TRUE(status.isOk()) << status.message();
    return result;
  }
  Doubles doubles() const {
    Doubles result;
    for (T value : values())
      result.push_back(number(value));
    return result;
  }

private:
  uint64_t bytes() const { return uint64_t(view.size()) * sizeof(T); }
  static T element(double value) {
    if constexpr (std::is_integral_v<T>)
      return T(value);
    else
      return fromFloat<T>(float(value));
  }
  static double number(T value) {
    if constexpr (std::is_integral_v<T>)
      return double(value);
    else
      return toFloat(value);
  }

  Tensor<T> view;
};

/// A tensor whose rows lie apart: columns of a wider one, between others that must stay as they are.
template <class T> class Columns {
public:
  Columns(std::initializer_list<int64_t> shape, const Doubles &values, int64_t before, int64_t behind)
      : cols(*(shape.end() - 1)), before(before), pitch(before + cols + behind),
        whole({int64_t(values.size()) / cols, pitch}), view(whole.tensor().data + before, shape, pitch) {
    Doubles all(values.size() / cols * pitch, neighbour);
    for (size_t i = 0; i < values.size(); ++i)
      all[i / cols * pitch + before + i % cols] = values[i];
    whole.assign(all);
  }
  /// To be written.
  Columns(std::initializer_list<int64_t> shape, int64_t before, int64_t behind)
      : Columns(shape, Doubles(Tensor<T>(nullptr, shape).size(), neighbour), before, behind) {}

  operator Tensor<T>() { return view; }
  operator Tensor<const T>() const { return view; }
  Tensor<T> tensor() { return view; }

  /// Its own columns; the others are expected to be what they were.
  Doubles doubles() const {
    const Doubles all = whole.doubles();
    Doubles own;
    int64_t changed = 0;
    for (size_t i = 0; i < all.size(); ++i)
      if (const int64_t column = int64_t(i) % pitch - before; column >= 0 && column < cols)
        own.push_back(all[i]);
      else
        changed += all[i] != neighbour;
    EXPECT_EQ(changed, 0) << "elements beside the columns were written";
    return own;
  }

private:
  static constexpr double neighbour = 9984; ///< which would show in any result

  int64_t cols, before, pitch;
  Owned<T> whole;
  Tensor<T> view;
};

/// Columns before and behind a tensor's own: at odd addresses, and so that vectors stay aligned.
struct Beside {
  int64_t before, behind;
};
inline constexpr Beside besides[] = {{3, 5}, {16, 48}};

/// Integers as a tensor.
inline Owned<int32_t> ints(const Ints &values, std::initializer_list<int64_t> shape) {
  return Owned<int32_t>(shape, Doubles(values.begin(), values.end()));
}

/// A value that a kernel takes by reference, where host and device read it.
template <class T> class Shared {
public:
  Shared(T value) : memory(static_cast<T *>(mustHave(device::allocateShared(sizeof(T))))) { *memory = value; }
  Shared(const Shared &) = delete;
  ~Shared() { device::releaseShared(memory); }
  operator const T &() const { return *memory; }
  T *operator->() { return memory; }

private:
  T *memory;
};

/// Half a unit in the last place of T, relative, rounded up.
template <class T> double roundingOf() { return sizeof(T) == 2 ? 1.0 / 256 : 0; }

/// What a float32 sum of n terms, in any order, may be off by, relative to its largest partial sum: each
/// addition rounds by at most u = 2^-24 of a partial sum, and n errors of either sign add up to more than 5
/// sqrt(n) u with a probability of 2 exp(-5^2 / 2), seven in a million. The first 2e-6 is for what is
/// computed around the sum.
inline double sumTolerance(int64_t n) { return 2e-6 + 5 * std::sqrt(double(n)) * 0x1p-24; }

/// got == want, but for one rounding to T and `tolerance` of the largest wanted value.
/// `roundings`: 1 where only `got` was rounded to T, 2 where both were.
template <class T>
void expectClose(const Doubles &got, const Doubles &want, double tolerance = 2e-6, double roundings = 1) {
  ASSERT_EQ(got.size(), want.size());
  double largest = 0;
  for (double value : want)
    largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < want.size(); ++i)
    ASSERT_NEAR(got[i], want[i],
                tolerance * (largest + 0.02) + roundings * roundingOf<T>() * std::abs(want[i]))
        << "at " << i;
}

/// d of sum(dy * f(x)) with respect to x, by central differences in double.
inline Doubles numericGradient(const std::function<Doubles(const Doubles &)> &f, Doubles x, const Doubles &dy,
                               double step = 1e-5) {
  auto weighted = [&] {
    Doubles y = f(x);
    EXPECT_EQ(y.size(), dy.size());
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i)
      sum += dy[i] * y[i];
    return sum;
  };
  Doubles gradient;
  for (double &value : x) {
    const double kept = value;
    value = kept + step;
    const double above = weighted();
    value = kept - step;
    const double below = weighted();
    value = kept;
    gradient.push_back((above - below) / (2 * step));
  }
  return gradient;
}

/// start + x, element by element: what a sum holds that a gradient was added to.
inline Doubles plus(Doubles start, const Doubles &x) {
  for (size_t i = 0; i < start.size(); ++i)
    start[i] += x[i];
  return start;
}

} // namespace peft::rt

#endif // PEFT_RUNTIME_TEST_KERNEL_TESTING_H
