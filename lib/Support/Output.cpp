//===- Output.cpp - what a tool prints, written whole or not at all -------===//
#include "peft/Support/Output.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <csignal>
#include <filesystem>

using namespace llvm;

static Error cantWrite(StringRef path, std::error_code error) {
  return createStringError(error, "can't write " + (path.empty() || path == "-" ? "standard output" : path) +
                                      ": " + error.message());
}

/// What a chain of links ends in, whether it is there or not.
static std::string behindLinks(std::filesystem::path path) {
  std::error_code error;
  for (int i = 0; i < 40 && is_symlink(path, error); ++i)
    path = path.parent_path() / read_symlink(path, error);
  return path.string();
}

/// LLVM's streams end the program where an error that nobody looked at is left in them.
static std::error_code write(raw_fd_ostream &os, StringRef text) {
  std::signal(SIGXFSZ, SIG_IGN); // a file that grows too large is an error, not the end
  os << text;
  os.flush();
  std::error_code error = os.error();
  os.clear_error();
  return error;
}

Error peft::writeOutput(raw_fd_ostream &os, StringRef path, StringRef text) {
  std::error_code error = write(os, text);
  return error ? cantWrite(path, error) : Error::success();
}

Error peft::writeOutput(StringRef path, StringRef text) {
  std::error_code error;
  if (path.empty() || path == "-") {
    raw_fd_ostream os(/*fd=*/1, /*shouldClose=*/false);
    return writeOutput(os, path, text);
  }
  sys::fs::file_status status;
  if (!sys::fs::status(path, status) && !is_regular_file(status)) {
    raw_fd_ostream os(path, error, sys::fs::CD_OpenExisting, sys::fs::FA_Write, sys::fs::OF_None);
    return error ? cantWrite(path, error) : writeOutput(os, path, text);
  }

  std::string target = behindLinks(path.str());
  SmallString<256> temporary;
  int fd;
  if ((error = sys::fs::createUniqueFile(target + ".%%%%%%.tmp", fd, temporary)))
    return cantWrite(path, error);
  {
    raw_fd_ostream os(fd, /*shouldClose=*/true);
    error = write(os, text);
    os.close();
    if (!error)
      error = os.error(); // some disks say so only now
    os.clear_error();
  }
  if (!error)
    error = sys::fs::rename(temporary, target);
  if (!error)
    return Error::success();
  (void)sys::fs::remove(temporary);
  return cantWrite(path, error);
}
