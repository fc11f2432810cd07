//===- packing.cpp - best fit decreasing ----------------------------------===//

#include "peft/runtime/packing.h"

#include <algorithm>
#include <set>

namespace peft {

RowPlan packBestFit(const std::vector<int32_t> &lengths, const std::vector<int32_t> &order,
                    int32_t capacity) {
  std::vector<int32_t> sorted = order;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](int32_t a, int32_t b) { return lengths[a] > lengths[b]; });

  std::vector<int32_t> rowOf(sorted.size());
  std::set<std::pair<int32_t, int32_t>> open; // (room, row)
  int32_t rows = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const int32_t length = lengths[sorted[i]];
    std::pair<int32_t, int32_t> chosen;
    if (const auto fit = open.lower_bound({length, 0}); fit != open.end()) {
      chosen = *fit;
      open.erase(fit);
    } else {
      chosen = {capacity, rows++};
    }
    rowOf[i] = chosen.second;
    if (chosen.first > length)
      open.insert({chosen.first - length, chosen.second});
  }

  RowPlan plan;
  plan.starts.assign(size_t(rows) + 1, 0);
  for (const int32_t row : rowOf)
    ++plan.starts[size_t(row) + 1];
  for (int32_t row = 0; row < rows; ++row)
    plan.starts[size_t(row) + 1] += plan.starts[size_t(row)];
  plan.documents.resize(sorted.size());
  std::vector<int64_t> next(plan.starts.begin(), plan.starts.end() - 1);
  for (size_t i = 0; i < sorted.size(); ++i)
    plan.documents[size_t(next[size_t(rowOf[i])]++)] = sorted[i];
  return plan;
}

RowPlan packNothing(const std::vector<int32_t> &order) {
  RowPlan plan;
  plan.documents = order;
  for (size_t i = 1; i <= order.size(); ++i)
    plan.starts.push_back(int64_t(i));
  return plan;
}

} // namespace peft
