//===- checkpoint.cpp - a base model, wherever its tensors come from ------===//

#include "peft/runtime/checkpoint.h"

#include "checkpoint_state.h"
#include "peft/runtime/names.h"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace peft {

//===--- Opening -----------------------------------------------------------===//

static bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

Result<Checkpoint> Checkpoint::open(const std::string &path) {
  auto state = std::make_unique<State>();
  state->path = path;
  if (isDirectory(path)) {
    PEFT_TRY(state->openFolder());
  } else if (endsWith(path, ".gguf")) {
    PEFT_TRY(state->openGguf());
  } else {
    return Status::error("cannot open model '" + path + "': " +
                         (isFile(path) ? "it is a file of another kind" : "there is no such file or folder") +
                         "; expected a folder with config.json, or a .gguf file");
  }
  state->finish();
  return Checkpoint(std::move(state));
}

void Checkpoint::State::add(CheckpointTensor tensor, Storage storage) {
  tensors.push_back(std::move(tensor));
  storages.push_back(storage);
}

/// Compares digits as numbers, so that layer 2 comes before layer 10.
static bool naturallyLess(const std::string &a, const std::string &b) {
  size_t i = 0, j = 0;
  auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  auto numberAt = [&](const std::string &text, size_t &k) {
    size_t start = k;
    while (k < text.size() && digit(text[k]))
      ++k;
    while (start + 1 < k && text[start] == '0')
      ++start;
    return std::string_view(text).substr(start, k - start);
  };
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      std::string_view x = numberAt(a, i), y = numberAt(b, j);
      if (x != y)
        return x.size() != y.size() ? x.size() < y.size() : x < y;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i, ++j;
    }
  }
  size_t restOfA = a.size() - i, restOfB = b.size() - j;
  return restOfA != restOfB ? restOfA < restOfB : a < b;
}

void Checkpoint::State::finish() {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return naturallyLess(tensors[a].name, tensors[b].name); });
  std::vector<CheckpointTensor> sortedTensors;
  std::vector<Storage> sortedStorages;
  for (size_t i : order) {
    index.emplace(tensors[i].name, sortedTensors.size());
    sortedTensors.push_back(std::move(tensors[i]));
    sortedStorages.push_back(storages[i]);
  }
  tensors = std::move(sortedTensors);
  storages = std::move(sortedStorages);
}

//===--- Asking ------------------------------------------------------------===//

Checkpoint::Checkpoint(std::unique_ptr<State> state) : state(std::move(state)) {}
Checkpoint::Checkpoint(Checkpoint &&) noexcept = default;
Checkpoint &Checkpoint::operator=(Checkpoint &&) noexcept = default;
Checkpoint::~Checkpoint() = default;

const std::string &Checkpoint::path() const { return state->path; }
const nlohmann::json &Checkpoint::config() const { return state->config; }
bool Checkpoint::isGguf() const { return state->fromGguf; }
bool Checkpoint::hasWeights() const { return !state->tensors.empty(); }
const std::vector<CheckpointTensor> &Checkpoint::tensors() const { return state->tensors; }

const CheckpointTensor *Checkpoint::find(std::string_view name) const {
  auto exact = [&](const std::string &text) -> const CheckpointTensor * {
    auto it = state->index.find(text);
    return it == state->index.end() ? nullptr : &state->tensors[it->second];
  };
  if (const CheckpointTensor *tensor = exact(std::string(name)))
    return tensor;
  for (std::string_view prefix : {"model.", "transformer.", "bert.", "roberta.", "distilbert.", "decoder."}) {
    bool has = name.substr(0, prefix.size()) == prefix;
    std::string other = has ? std::string(name.substr(prefix.size())) : std::string(prefix).append(name);
    if (const CheckpointTensor *tensor = exact(other))
      return tensor;
  }
  return nullptr;
}

std::vector<std::string> Checkpoint::nearNames(std::string_view name, size_t count) const {
  std::vector<std::string> names;
  for (const CheckpointTensor &tensor : state->tensors)
    names.push_back(tensor.name);
  return nearestNames(name, names, count);
}

Result<const CheckpointTensor *> Checkpoint::get(std::string_view name) const {
  if (const CheckpointTensor *tensor = find(name))
    return tensor;
  if (!hasWeights())
    return Status::error("'" + path() + "' holds no weights, so tensor '" + std::string(name) +
                         "' cannot be read; expected model.safetensors beside config.json");
  return Status::error("'" + path() + "': tensor '" + std::string(name) + "' is missing" +
                       didYouMean(nearNames(name)));
}

} // namespace peft
