//===- names.cpp - what a person may have meant by a name -----------------===//

#include "peft/runtime/names.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace peft {

size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t(0));
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::vector<std::string> nearestNames(std::string_view name, const std::vector<std::string> &candidates,
                                      size_t count) {
  std::vector<std::pair<size_t, const std::string *>> ranked;
  // A hostile name could be megabytes long; nobody means anything by it.
  if (name.size() <= 300)
    for (const std::string &candidate : candidates) {
      size_t longer = std::max(name.size(), candidate.size());
      size_t shorter = std::min(name.size(), candidate.size());
      if (longer - shorter > longer / 2)
        continue;
      size_t distance = editDistance(name, candidate);
      if (distance <= longer / 2)
        ranked.emplace_back(distance, &candidate);
    }
  std::sort(ranked.begin(), ranked.end()); // of two as near, the earlier candidate
  std::vector<std::string> result;
  for (size_t i = 0; i < std::min(count, ranked.size()); ++i)
    result.push_back(*ranked[i].second);
  return result;
}

std::string didYouMean(const std::vector<std::string> &names) {
  if (names.empty())
    return "";
  std::string text = "; did you mean ";
  for (size_t i = 0; i < names.size(); ++i) {
    if (i)
      text += i + 1 == names.size() ? " or " : ", ";
    text += "'" + names[i] + "'";
  }
  return text + "?";
}

} // namespace peft
