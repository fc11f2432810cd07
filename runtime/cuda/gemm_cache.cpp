//===- gemm_cache.cpp - the algorithms chosen, in memory and in a file ----===//
//
// {
//   "device": "NVIDIA H200", "cublaslt": 130100,
//   "products": { KEY: { "algorithm": 128 hexadecimal digits, "microseconds": 1.5 } }
// }
//
// KEY is all that the choice depends on (keyOf). The digits are cuBLASLt's own structure,
// which it promises to understand again in the same version only: hence the header.
//
//===----------------------------------------------------------------------===//

#include "gemm_product.h"
#include "peft/runtime/file.h"
#include "peft/runtime/json.h"

#include <cmath>
#include <map>

namespace peft::rt {
namespace {

using Choices = std::map<std::string, Choice>;
/// Made when it is first wanted: a device may be opened before main.
Choices &choices() {
  static auto &all = *new Choices;
  return all;
}
uint64_t made = 0;

constexpr size_t words = sizeof(cublasLtMatmulAlgo_t::data) / sizeof(uint64_t);
constexpr size_t digits = 16 * words;

Result<std::string> deviceName() {
  int device = 0;
  cudaDeviceProp properties{};
  cudaError_t error = cudaGetDevice(&device);
  if (!error)
    error = cudaGetDeviceProperties(&properties, device);
  if (error)
    return Status::error(std::string("the gpu does not say its name: ") + cudaGetErrorString(error));
  return std::string(properties.name);
}

std::string toHex(const cublasLtMatmulAlgo_t &algorithm) {
  std::string text;
  char word[17];
  for (uint64_t value : algorithm.data) {
    snprintf(word, sizeof word, "%016llx", static_cast<unsigned long long>(value));
    text += word;
  }
  return text;
}

bool fromHex(const std::string &text, cublasLtMatmulAlgo_t &algorithm) {
  if (text.size() != digits || text.find_first_not_of("0123456789abcdef") != std::string::npos)
    return false;
  for (size_t i = 0; i < words; ++i)
    algorithm.data[i] = std::stoull(text.substr(16 * i, 16), nullptr, 16);
  return true;
}

/// The file's choices, if they are of this device and library.
Result<Choices> parse(const nlohmann::json &file, const std::string &path) {
  Result<std::string> here = deviceName(), device = getString(file, "device", path);
  Result<int64_t> version = getInt(file, "cublaslt", path);
  for (const Status &status : {here.status(), device.status(), version.status()})
    PEFT_TRY(status);
  const int64_t own = int64_t(cublasLtGetVersion());
  if (*device != *here || *version != own)
    return Status::error(path + ": products were timed on '" + *device + "' with cublaslt " +
                         std::to_string(*version) + ", this is '" + *here + "' with " + std::to_string(own) +
                         ": the file is ignored and they are timed anew");
  const nlohmann::json *products = findField(file, "products");
  if (!products || !products->is_object())
    return Status::error(path + ": 'products' is missing or no object; delete the file");
  Choices found;
  for (const auto &[key, value] : products->items()) {
    Choice choice;
    Result<std::string> algorithm = getString(value, "algorithm", path);
    Result<double> microseconds = getNumberOr(value, "microseconds", path, 0);
    if (!algorithm || !microseconds || !fromHex(*algorithm, choice.algorithm))
      return Status::error(path + ": the product '" + key + "' has no algorithm of " +
                           std::to_string(digits) + " hexadecimal digits; delete the file");
    choice.microseconds = float(*microseconds);
    found[key] = choice;
  }
  return found;
}

} // namespace

Choice *findChoice(const std::string &key) {
  auto found = choices().find(key);
  return found == choices().end() ? nullptr : &found->second;
}

void keepChoice(const std::string &key, const Choice &choice) {
  ++made;
  choices()[key] = choice;
}

Status loadGemmCache(const std::string &path) {
  if (!isFile(path))
    return Status::ok();
  Result<nlohmann::json> file = parseJsonFile(path);
  if (!file)
    return file.status();
  Result<Choices> found = parse(*file, path);
  if (!found)
    return found.status();
  for (const auto &[key, choice] : *found)
    choices()[key] = choice;
  return Status::ok();
}

Status saveGemmCache(const std::string &path) {
  Result<std::string> device = deviceName();
  if (!device)
    return device.status();
  nlohmann::json products = nlohmann::json::object();
  for (const auto &[key, choice] : choices())
    products[key] = {{"algorithm", toHex(choice.algorithm)},
                     {"microseconds", std::round(choice.microseconds * 10.0) / 10}};
  const nlohmann::json file = {
      {"device", *device}, {"cublaslt", uint64_t(cublasLtGetVersion())}, {"products", products}};
  return writeFileAtomically(path, printJson(file, 1) + "\n");
}

uint64_t gemmChoicesMade() { return made; }
void forgetGemmChoices() { choices().clear(); }

} // namespace peft::rt
