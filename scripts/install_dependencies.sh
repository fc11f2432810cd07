#!/usr/bin/env bash
# Installs what the project needs on Debian 12: packages by apt (through sudo if you
# are not root) and a Python environment in .venv for peft-data. What is there
# already is left alone, so a second run is quick and needs no network.
#
#   scripts/install_dependencies.sh [--tests]     --tests: also what the tests and fuzzers need
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# clang builds the compiler against the static LLVM/MLIR (which needs libzstd-dev and zlib1g-dev); g++ builds the runtime.
packages=(clang-19 libmlir-19-dev mlir-19-tools llvm-19-dev llvm-19-tools libzstd-dev zlib1g-dev libpcre2-dev
          g++ cmake ninja-build ccache mold nlohmann-json3-dev
          python3-venv python3-pip wordnet-base)
for argument in "$@"; do
  case $argument in
    --tests) packages+=(libgtest-dev libclang-rt-19-dev clang-format) ;;
    *) echo "install_dependencies.sh: unknown option '$argument', expected --tests" >&2; exit 2 ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null) == installed ]] || missing+=("$package")
done
if (( ${#missing[@]} )); then
  echo "installing: ${missing[*]}"
  as_root=()
  if [[ $(id -u) != 0 ]]; then
    command -v sudo > /dev/null || { echo "not root and no sudo here; as root: apt-get install ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
  fi
  # In lists fetched long ago a package may have moved on: look first, refresh, then install.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi

source scripts/python_packages.sh
install_pins requirements.txt
