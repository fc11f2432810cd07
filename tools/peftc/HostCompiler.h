//===- HostCompiler.h - from C++ text to a training binary ----------------===//
#ifndef PEFT_TOOLS_PEFTC_HOSTCOMPILER_H
#define PEFT_TOOLS_PEFTC_HOSTCOMPILER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace peft {

/// Compiles `source` for `machine`, by g++ ("avx2", "avx512") or nvcc ("cuda": sm_80 and sm_90a), against the
/// runtime that is installed beside this program (PREFIX/bin/peftc, PREFIX/include, PREFIX/lib), or in
/// `prefix` if not empty.
llvm::Error compileProgram(llvm::StringRef argv0, llvm::StringRef prefix, llvm::StringRef machine,
                           llvm::StringRef source, llvm::StringRef output);

/// Whether this machine runs programs that are compiled for "avx512".
bool hostHasAVX512();

/// Whether bf16 products are faster than f32 ones here, by a timed probe of the runtime.
llvm::Expected<bool> prefersBF16(llvm::StringRef argv0, llvm::StringRef prefix);

} // namespace peft

#endif // PEFT_TOOLS_PEFTC_HOSTCOMPILER_H
