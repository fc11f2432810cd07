//===- Compare.cpp - how far two adapters are from each other -------------===//

#include "AdapterFile.h"
#include "Commands.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <map>

using namespace llvm;
using namespace peft;

/// ‖a − b‖ / ‖b‖; 0 where both are zero.
static double distance(const std::vector<float> &a, const std::vector<float> &b) {
  double off = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    double d = double(a[i]) - b[i];
    off += d * d;
    size += double(b[i]) * b[i];
  }
  if (off == 0)
    return 0;
  return size > 0 ? std::sqrt(off / size) : INFINITY;
}

Result<bool> peft::compareAdapters(const std::string &pathA, const std::string &pathB, double tolerance) {
  Result<AdapterFile> a = AdapterFile::open(pathA), b = AdapterFile::open(pathB);
  if (!a)
    return a.status();
  if (!b)
    return b.status();
  struct Natural {
    bool operator()(const std::string &x, const std::string &y) const {
      return StringRef(x).compare_numeric(y) < 0;
    }
  };
  std::map<std::string, std::pair<const SafetensorsTensor *, const SafetensorsTensor *>, Natural> keys;
  for (const SafetensorsTensor &tensor : a->tensors().tensors())
    keys[tensor.name].first = &tensor;
  for (const SafetensorsTensor &tensor : b->tensors().tensors())
    keys[tensor.name].second = &tensor;

  std::string text;
  raw_string_ostream os(text);
  double worst = 0;
  size_t differ = 0;
  for (const auto &[name, pair] : keys) {
    const auto [x, y] = pair;
    if (!x || !y || x->shape != y->shape) {
      ++differ;
      os << name << "  " << (x ? shapeText(x->shape) : "missing") << " against "
         << (y ? shapeText(y->shape) : "missing") << '\n';
      continue;
    }
    Result<std::vector<float>> left = a->tensors().floats(name), right = b->tensors().floats(name);
    if (!left)
      return left.status();
    if (!right)
      return right.status();
    double off = distance(*left, *right);
    if (!(off <= worst) && !std::isnan(worst)) // NaN is the worst
      worst = off;
    os << name << "  " << shapeText(x->shape) << "  " << format("%.3g", off) << '\n';
  }
  os << keys.size() << " tensors, " << differ << " of other keys or shapes, relative distance at most "
     << format("%.3g", worst) << '\n';
  PEFT_TRY(printText(text));
  return differ == 0 && worst <= tolerance;
}
