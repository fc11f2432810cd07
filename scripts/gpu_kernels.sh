#!/bin/bash
# Runs the CUDA kernels' tests on a machine with a GPU; they need no network and no build there.
#
#   scripts/gpu_kernels.sh FOLDER [--bench] [--sanitize]
#
# FOLDER holds the binaries of a build of runtime/ with -DPEFT_CUDA=ON -DPEFT_BUILD_TESTS=ON: every
# *_kernel_test_cuda is run, and only failures and a line for each are printed. --bench: pointwise_bench too.
# --sanitize: compute-sanitizer's memcheck and racecheck on each as well (minutes). Racecheck follows every access to
# shared memory, of which attention has most: of its tests it gets AttentionCudaSmall's, each own kernel once at some
# 70 tokens. device_kernel_test_cuda fails on purpose, and is left out. Logs lie beside the binaries, or in $OUT.
# Exit code 1 if anything failed.
set -u
[ $# -ge 1 ] && [ -d "$1" ] || { echo "usage: $0 FOLDER [--bench] [--sanitize]" >&2; exit 2; }
folder=$(cd "$1" && pwd)
shift
bench=0 sanitize=0
for option in "$@"; do
  case $option in
    --bench) bench=1 ;;
    --sanitize) sanitize=1 ;;
    *) echo "gpu_kernels.sh: unknown option '$option'" >&2; exit 2 ;;
  esac
done
logs=${OUT:-$folder}

nvidia-smi --query-gpu=name,driver_version,memory.free --format=csv,noheader 2>/dev/null || echo "no nvidia-smi"
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# check NAME COMMAND...: in the background; its line, and what went wrong, to $results/NAME.ok or .bad.
check() {
  local name=$1 log=$logs/$1.log start=$SECONDS
  shift
  while (( $(jobs -rp | wc -l) >= $(nproc) )); do wait -n; done
  {
    if "$@" >"$log" 2>&1; then
      printf 'ok    %-36s %4d s  %s\n' "$name" $((SECONDS - start)) \
        "$(grep -h 'PASSED\|ERROR SUMMARY\|RACECHECK SUMMARY' "$log" | tail -1)" | tee "$results/$name.ok"
    else
      {
        printf 'FAIL  %-36s %4d s\n' "$name" $((SECONDS - start))
        grep -E -A8 'Failure$|FAILED|========= |rror|terminate|Segmentation' "$log" | head -60 | grep . || tail -5 "$log"
      } | tee "$results/$name.bad"
    fi
  } &
}

# Side by side: the references they are compared with keep a core each busy, and the GPU hardly.
shopt -s nullglob
for test in "$folder"/*_kernel_test_cuda; do
  name=$(basename "$test")
  check "$name" "$test" --gtest_brief=1
  if [ $sanitize = 1 ] && [ "$name" != device_kernel_test_cuda ]; then
    races='*'
    [ "$name" != attention_kernel_test_cuda ] || races='AttentionCudaSmall*'
    check "$name-memcheck" compute-sanitizer --tool memcheck --error-exitcode 1 "$test" --gtest_brief=1
    check "$name-racecheck" compute-sanitizer --tool racecheck --error-exitcode 1 "$test" --gtest_brief=1 \
      --gtest_filter="$races"
  fi
done
wait
results_of() { ls "$results" | grep -c "\.$1\$"; }
passed=$(results_of ok) failed=$(results_of bad)
if [ $bench = 1 ] && [ -x "$folder/pointwise_bench" ]; then
  "$folder/pointwise_bench" | tee "$logs/pointwise_bench.log"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
