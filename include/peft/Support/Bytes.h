//===- Bytes.h - numbers of bytes as people write them --------------------===//
#ifndef PEFT_SUPPORT_BYTES_H
#define PEFT_SUPPORT_BYTES_H

#include "llvm/Support/Error.h"

#include <string>

namespace peft {

/// "24GiB", "17.5G", "800MiB", "800M" or a number of bytes; G and M are powers of 1024.
llvm::Expected<uint64_t> parseBytes(llvm::StringRef text);

/// "17.42 GiB", from 1 GiB on, or "812.50 MiB"; rounded up, so that what is printed as enough is.
std::string printBytes(uint64_t bytes);

} // namespace peft

#endif // PEFT_SUPPORT_BYTES_H
