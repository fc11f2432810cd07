#!/usr/bin/env bash
# Builds everything: the compiler (clang, static LLVM/MLIR) in build/, and the
# runtime that emitted programs link (g++, no LLVM) in build/runtime.
#
#   scripts/build.sh [--tests] [--minimal] [--cuda]
#     --tests: also the runtime's tests, and its fuzzers in build/fuzz
#     --minimal: of the compiler's tools peftc alone
#     --cuda: the kernels for NVIDIA GPUs too (scripts/install_cuda.sh); no GPU is needed
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tests=OFF cuda=OFF targets=()
for argument in "$@"; do
  case $argument in
    --tests) tests=ON ;;
    --minimal) targets=(--target peftc) ;;
    --cuda) cuda=ON ;;
    *) echo "build.sh: unknown option '$argument', expected --tests, --minimal or --cuda" >&2; exit 2 ;;
  esac
done

common=(-G Ninja)
if command -v ccache > /dev/null; then
  common+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache)
  # A clone in another folder shares the cache; the precompiled header is compared by its content.
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
  [[ -n ${CCACHE_DIR:-} || -n ${HOME:-} ]] || export CCACHE_DIR=$PWD/build/.ccache
fi

# configure SOURCE BUILD OPTIONS...: cmake is silent unless it fails.
configure() {
  mkdir -p "$2"
  cmake -S "$1" -B "$2" "${common[@]}" "${@:3}" > "$2/configure.log" 2>&1 || { cat "$2/configure.log" >&2; return 1; }
}

configure . build -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19
configure runtime build/runtime -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=g++ -DPEFT_BUILD_TESTS=$tests -DPEFT_CUDA=$cuda
cmake --build build "${targets[@]}"
cmake --build build/runtime
# Beside build/bin/peftc, as an installed tree has it: peftc looks in ../lib and ../include.
cmake --install build/runtime --prefix build > /dev/null
if [[ $tests$cuda == ONON ]]; then # what scripts/gpu_suite.sh runs where there is a GPU
  mkdir -p build/tests
  cp build/runtime/*_kernel_test_cuda build/tests
fi
if [[ $tests == ON ]]; then
  configure runtime build/fuzz -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER=clang++-19 -DPEFT_BUILD_FUZZERS=ON
  cmake --build build/fuzz
fi
