//===- file.h - mapped files, files that appear whole or not at all -------===//
//
// A MappedFile is read-only memory that the kernel fills from the file on use. An
// AtomicFile is written under a temporary name beside its target and takes the
// target's name only after everything is on disk, so that a reader, a crash or a
// full disk never sees half of it. Neither is shared between threads while it is
// being moved, written or destroyed; a MappedFile's bytes may be read by many.
//
// Errors name the path and what the operating system said.
//
//===----------------------------------------------------------------------===//

#ifndef PEFT_RUNTIME_FILE_H
#define PEFT_RUNTIME_FILE_H

#include "peft/runtime/status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

/// The bytes of a file, mapped privately for reading. The file must not be
/// truncated while it is mapped; replacing it by rename is safe.
class MappedFile {
public:
  static Result<MappedFile> open(const std::string &path);
  /// Memory of the caller's, who keeps it alive, under a name for messages.
  static MappedFile borrow(std::string name, const void *data, size_t size);

  MappedFile() = default;
  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  const std::string &path() const { return name; }
  const uint8_t *data() const { return bytes; }
  size_t size() const { return length; }
  std::string_view text() const { return {reinterpret_cast<const char *>(bytes), length}; }

private:
  std::string name;
  const uint8_t *bytes = nullptr;
  size_t length = 0;
  bool owned = false;
};

/// A file being written. Without commit() the destructor removes every trace of it.
class AtomicFile {
public:
  /// Opens a temporary file in the directory of `path`.
  static Result<AtomicFile> create(const std::string &path);

  AtomicFile() = default;
  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&other) noexcept;
  ~AtomicFile();

  /// Appends. After an error the file can only be dropped.
  Status write(const void *data, size_t size);
  Status write(std::string_view text) { return write(text.data(), text.size()); }
  /// Flushes to disk and gives the file its name. Nothing may be written afterwards.
  Status commit();

  const std::string &path() const { return target; }
  uint64_t size() const { return written; }

private:
  void discard();
  std::string target, temporary;
  int descriptor = -1;
  uint64_t written = 0;
};

/// Writes `text` as the whole of `path` through an AtomicFile.
Status writeFileAtomically(const std::string &path, std::string_view text);

/// The whole file; an error when it is longer than `limit` bytes.
Result<std::string> readWholeFile(const std::string &path, uint64_t limit = uint64_t(1) << 30);

bool isFile(const std::string &path);
bool isDirectory(const std::string &path);
/// `directory`/`name` with one separator.
std::string joinPath(std::string_view directory, std::string_view name);
/// Creates a directory and those above it; an existing one is fine.
Status makeDirectories(const std::string &path);
/// Names (not paths) in a directory, sorted.
Result<std::vector<std::string>> listDirectory(const std::string &path);
/// Renames a file or a directory and makes the new name durable.
Status renamePath(const std::string &from, const std::string &to);
/// The same where `to` may exist: at no moment is there neither the old nor the new one.
Status replacePath(const std::string &from, const std::string &to);
/// Whether files can be written into a directory, which need not exist; leaves nothing behind.
Status checkWritable(const std::string &directory);
/// Removes a file, or a directory with all that is in it; a missing one is fine.
Status removePath(const std::string &path);
/// Makes the names in a directory durable.
Status syncDirectory(const std::string &path);

} // namespace peft

#endif // PEFT_RUNTIME_FILE_H
