//===- file.cpp - mapped files, files that appear whole or not at all -----===//

#include "peft/runtime/file.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace peft {

static Status systemError(const char *what, const std::string &path, int code) {
  return Status::error(std::string("cannot ") + what + " '" + path + "': " + std::strerror(code));
}

static Status systemError(const char *what, const std::string &path, const std::error_code &code) {
  return Status::error(std::string("cannot ") + what + " '" + path + "': " + code.message());
}

namespace {
/// A descriptor that is closed on every way out.
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0)
      ::close(value);
  }
};
} // namespace

/// Opens a regular file for reading and finds its size; else leaves errors in `status`.
static int openRegular(const std::string &path, uint64_t &size, Status &status) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    status = systemError("open", path, errno);
    return -1;
  }
  struct stat info;
  if (::fstat(descriptor, &info) != 0) {
    status = systemError("read", path, errno);
  } else if (!S_ISREG(info.st_mode)) {
    status = Status::error("cannot read '" + path + "': expected a file, got " +
                           (S_ISDIR(info.st_mode) ? "a directory" : "a device or pipe"));
  } else {
    size = uint64_t(info.st_size);
    return descriptor;
  }
  ::close(descriptor);
  return -1;
}

//===--- MappedFile --------------------------------------------------------===//

Result<MappedFile> MappedFile::open(const std::string &path) {
  uint64_t size = 0;
  Status status = Status::ok();
  Descriptor file{openRegular(path, size, status)};
  if (file.value < 0)
    return status;
  MappedFile result = borrow(path, nullptr, size_t(size));
  if (size == 0) // cannot be mapped, and need not be
    return result;
  void *memory = ::mmap(nullptr, size_t(size), PROT_READ, MAP_PRIVATE, file.value, 0);
  if (memory == MAP_FAILED)
    return systemError("map", path, errno);
  result.bytes = static_cast<const uint8_t *>(memory);
  result.owned = true;
  return result;
}

MappedFile MappedFile::borrow(std::string name, const void *data, size_t size) {
  MappedFile result;
  result.name = std::move(name);
  result.bytes = static_cast<const uint8_t *>(data);
  result.length = size;
  return result;
}

MappedFile::MappedFile(MappedFile &&other) noexcept { *this = std::move(other); }

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(name, other.name);
  std::swap(bytes, other.bytes);
  std::swap(length, other.length);
  std::swap(owned, other.owned);
  return *this;
}

MappedFile::~MappedFile() {
  if (owned)
    ::munmap(const_cast<uint8_t *>(bytes), length);
}

//===--- AtomicFile --------------------------------------------------------===//

static std::string directoryOf(const std::string &path) {
  std::string directory = std::filesystem::path(path).parent_path().string();
  return directory.empty() ? "." : directory;
}

Result<AtomicFile> AtomicFile::create(const std::string &path) {
  // The process and a counter make the name unique among live writers; O_EXCL and
  // the retries take care of what a killed process left behind.
  static std::atomic<unsigned> counter{0};
  AtomicFile file;
  file.target = path;
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string name = path + ".tmp" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
    file.descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.descriptor >= 0) {
      file.temporary = std::move(name);
      return file;
    }
    if (errno != EEXIST)
      break;
  }
  return systemError("create", path, errno);
}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept { *this = std::move(other); }

AtomicFile &AtomicFile::operator=(AtomicFile &&other) noexcept {
  std::swap(target, other.target);
  std::swap(temporary, other.temporary);
  std::swap(descriptor, other.descriptor);
  std::swap(written, other.written);
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() {
  if (descriptor >= 0)
    ::close(descriptor);
  if (!temporary.empty())
    ::unlink(temporary.c_str());
  descriptor = -1;
  temporary.clear();
}

Status AtomicFile::write(const void *data, size_t size) {
  if (descriptor < 0)
    return Status::error("cannot write '" + target + "': the file is closed");
  const char *next = static_cast<const char *>(data);
  while (size > 0) {
    ssize_t count = ::write(descriptor, next, std::min<size_t>(size, size_t(1) << 30));
    if (count < 0) {
      if (errno == EINTR)
        continue;
      Status status = systemError("write", target, errno);
      discard();
      return status;
    }
    next += count;
    size -= size_t(count);
    written += uint64_t(count);
  }
  return Status::ok();
}

Status AtomicFile::commit() {
  if (descriptor < 0)
    return Status::error("cannot write '" + target + "': the file is closed");
  int failed = ::fsync(descriptor) != 0 ? errno : 0;
  // Some file systems report a full disk only here.
  if (::close(descriptor) != 0 && !failed)
    failed = errno;
  descriptor = -1;
  if (!failed && ::rename(temporary.c_str(), target.c_str()) != 0)
    failed = errno;
  if (failed) {
    discard();
    return systemError("write", target, failed);
  }
  temporary.clear();
  return syncDirectory(directoryOf(target));
}

Status writeFileAtomically(const std::string &path, std::string_view text) {
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return file.status();
  PEFT_TRY(file->write(text));
  return file->commit();
}

//===--- Whole files and directories ---------------------------------------===//

Result<std::string> readWholeFile(const std::string &path, uint64_t limit) {
  uint64_t size = 0;
  Status status = Status::ok();
  Descriptor file{openRegular(path, size, status)};
  if (file.value < 0)
    return status;
  if (size > limit)
    return Status::error("cannot read '" + path + "': it has " + std::to_string(size) + " bytes, at most " +
                         std::to_string(limit) + " are read");
  std::string text(size_t(size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    ssize_t count = ::read(file.value, &text[done], text.size() - done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return systemError("read", path, errno);
    if (count == 0)
      break;
    done += size_t(count);
  }
  text.resize(done);
  return text;
}

bool isFile(const std::string &path) {
  std::error_code code;
  return std::filesystem::is_regular_file(path, code);
}

bool isDirectory(const std::string &path) {
  std::error_code code;
  return std::filesystem::is_directory(path, code);
}

std::string joinPath(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/')
    path += '/';
  path += name;
  return path;
}

Status makeDirectories(const std::string &path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code || !isDirectory(path))
    return systemError("create directory", path, code ? code : std::make_error_code(std::errc::file_exists));
  return Status::ok();
}

Result<std::vector<std::string>> listDirectory(const std::string &path) {
  std::error_code code;
  std::vector<std::string> names;
  std::filesystem::directory_iterator it(path, code), end;
  while (!code && it != end) {
    names.push_back(it->path().filename().string());
    it.increment(code);
  }
  if (code)
    return systemError("list", path, code);
  std::sort(names.begin(), names.end());
  return names;
}

Status renamePath(const std::string &from, const std::string &to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return systemError("rename", from + "' to '" + to, errno);
  return syncDirectory(directoryOf(to));
}

Status replacePath(const std::string &from, const std::string &to) {
  if (::access(to.c_str(), F_OK) != 0)
    return renamePath(from, to);
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) != 0) {
    // A file system that can't exchange two names: the old one waits beside its place.
    const std::string aside = to + ".old";
    PEFT_TRY(removePath(aside));
    PEFT_TRY(renamePath(to, aside));
    if (const Status status = renamePath(from, to); !status) {
      (void)renamePath(aside, to).isOk(); // the first error is the one to tell
      return status;
    }
    return removePath(aside);
  }
  PEFT_TRY(syncDirectory(directoryOf(to)));
  return removePath(from);
}

Status checkWritable(const std::string &directory) {
  std::string made; // the uppermost of the directories that are not there yet
  for (std::filesystem::path at = directory; !at.empty() && !isDirectory(at.string()); at = at.parent_path())
    made = at.string();
  PEFT_TRY(makeDirectories(directory));
  const Status status = AtomicFile::create(joinPath(directory, "probe")).status();
  return made.empty() || !status ? status : removePath(made);
}

Status removePath(const std::string &path) {
  std::error_code code;
  std::filesystem::remove_all(path, code);
  if (code)
    return systemError("remove", path, code);
  return Status::ok();
}

Status syncDirectory(const std::string &path) {
  Descriptor directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.value < 0)
    return systemError("open directory", path, errno);
  // Some file systems can't sync a directory and say EINVAL: their names are as durable as they get.
  if (::fsync(directory.value) != 0 && errno != EINVAL)
    return systemError("write", path, errno);
  return Status::ok();
}

} // namespace peft
