//===- status.h - success, or one line that says what went wrong ----------===//
//
// A Status is the result of everything that can fail: files, options, memory.
// Its message is one line in lower case: the cause (file, key, expected, got) and
// what would work. Const methods may be called from several threads at once.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_STATUS_H
#define PEFT_RUNTIME_STATUS_H

#include <optional>
#include <string>
#include <utility>

namespace peft {

class [[nodiscard]] Status {
public:
  static Status ok() { return Status(); }
  static Status error(std::string message) { return Status(std::move(message)); }

  bool isOk() const { return good; }
  explicit operator bool() const { return good; }
  const std::string &message() const { return text; }

private:
  Status() = default;
  explicit Status(std::string message) : good(false), text(std::move(message)) {}
  bool good = true;
  std::string text;
};

/// A value, or the Status that says why there is none.
template <class T> class [[nodiscard]] Result {
public:
  Result(T value) : held(std::move(value)), state(Status::ok()) {}
  /// REQUIRES: !status.isOk()
  Result(Status status) : state(std::move(status)) {}

  bool isOk() const { return held.has_value(); }
  explicit operator bool() const { return isOk(); }
  const Status &status() const { return state; }
  /// REQUIRES: isOk()
  T &operator*() { return *held; }
  const T &operator*() const { return *held; }
  T *operator->() { return &*held; }
  const T *operator->() const { return &*held; }

private:
  std::optional<T> held;
  Status state;
};

} // namespace peft

/// Leaves the calling function, which returns Status or Result, when `expr` fails.
#define PEFT_TRY(expr)                                                                                       \
  do {                                                                                                       \
    ::peft::Status peftTryStatus = (expr);                                                                   \
    if (!peftTryStatus.isOk())                                                                               \
      return peftTryStatus;                                                                                  \
  } while (false)

#endif // PEFT_RUNTIME_STATUS_H
