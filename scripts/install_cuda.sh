#!/usr/bin/env bash
# Installs what `peftc --target=cuda` needs into .venv, from PyPI: the headers of cudnn-frontend, and where there
# is no CUDA 13 toolkit with cuDNN (CUDA_HOME, PATH, /usr/local/cuda) nvcc, the CUDA runtime, cuBLAS and cuDNN
# too. A GPU is not needed to compile. What is there already is left alone.
#
#   scripts/install_cuda.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/python_packages.sh

# Is there a toolkit of CUDA 13 with what we include?
has_toolkit() {
  local root
  for root in "${CUDA_HOME:-}" "$(dirname "$(dirname "$(command -v nvcc || echo /none/bin/nvcc)")")" /usr/local/cuda; do
    [[ -x $root/bin/nvcc && -e $root/include/cublasLt.h && -e $root/include/cudnn.h ]] &&
      "$root/bin/nvcc" --version | grep -q 'release 13' && return 0
  done
  return 1
}
wanted=requirements-cuda.txt
if has_toolkit; then
  wanted=$(mktemp)
  trap 'rm -f "$wanted"' EXIT
  grep '^nvidia-cudnn-frontend' requirements-cuda.txt > "$wanted"
fi
install_pins "$wanted"
