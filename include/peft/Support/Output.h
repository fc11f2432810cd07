//===- Output.h - what a tool prints, written whole or not at all -*- C++ -*-===//
#ifndef PEFT_SUPPORT_OUTPUT_H
#define PEFT_SUPPORT_OUTPUT_H

#include "llvm/Support/Error.h"

namespace llvm {
class raw_fd_ostream;
}

namespace peft {

/// Writes `text` to a file; to standard output where `path` is "" or "-". A regular file
/// is replaced once all of it is written, what a link names too; a FIFO or device is written into.
llvm::Error writeOutput(llvm::StringRef path, llvm::StringRef text);

/// The same into a stream that somebody else opened at `path`.
llvm::Error writeOutput(llvm::raw_fd_ostream &os, llvm::StringRef path, llvm::StringRef text);

} // namespace peft

#endif // PEFT_SUPPORT_OUTPUT_H
