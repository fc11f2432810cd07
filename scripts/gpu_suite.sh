#!/usr/bin/env bash
# The tests that need a GPU, on a machine that has one and no network: compiled here or elsewhere (the build folder
# may be a copy), run there.
#
#   scripts/gpu_suite.sh [BUILD [--sanitize]]     BUILD: bin, lib, include and tests; default: build, made by
#                                                 scripts/build.sh --tests --cuda
#
# Kernels against double-precision references (--sanitize: under compute-sanitizer too), then every parity case
# through nvcc, then whole runs of programs. The last line is 'N passed, N failed'.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build}
source scripts/cuda_libraries.sh
link_libraries "$build/lib/peft_cuda.link"
export LD_LIBRARY_PATH=$(library_path):${LD_LIBRARY_PATH:-}

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
# unittest's last lines of some classes as ours
programs() {
  local log ran bad
  log=$(PEFT_BUILD=$(realpath "$build") python3 -B test/cuda/test_program.py "$@" 2>&1)
  echo "$log"
  ran=$(sed -nE 's/^Ran ([0-9]+) tests?.*/\1/p' <<< "$log")
  bad=$(grep -cE '^(FAIL|ERROR):' <<< "$log")
  (( ${ran:-0} )) || bad=$((bad + 1))
  echo "$((${ran:-0} > bad ? ${ran:-0} - bad : 0)) passed, $bad failed"
}
# part NAME COMMAND...: in the background, to its log.
part() { "${@:2}" > "$logs/$1" 2>&1 & }

passed=0 failed=0
# Waits for the parts, shows what they said, and adds up their last lines, 'N passed, N failed'.
count() {
  wait
  local log
  for log in "$logs"/*; do
    cat "$log"
    if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
      passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
    else
      failed=$((failed + 1))
    fi
    rm "$log"
  done
}

# float32 keeps adapters apart unless it is asked not to.
part kernels scripts/gpu_kernels.sh "$build/tests" "${@:2}"
part parity python3 test/parity/run.py --target cuda --build "$build"
part parity-fused python3 test/parity/run.py --target cuda --build "$build" --option=--fuse-projections=on \
  llama-lora-all-linear llama-lora-patterns llama-lora-clip-accum-cosine mistral-lora qwen3-lora
count
part programs programs ProgramOnGpu
part programs-that-fail programs AGpuThatFails
count
part memory programs MemoryOfAGpu # alone: it reads what the driver has given away
count
echo "$passed passed, $failed failed"
(( failed == 0 && passed > 0 ))
