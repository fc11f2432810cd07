# Sourced: where this machine keeps cuBLASLt, NVRTC and cuDNN: beside nvcc, or in Python's nvidia wheels.

cuda_folders() {
  local nvcc
  nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2> /dev/null)
  [[ -n $nvcc ]] && printf '%s\n' "$(dirname "$(dirname "$nvcc")")"/lib{64,}
  python3 -c 'import nvidia; [print(path) for path in nvidia.__path__]' 2> /dev/null |
    while read -r root; do printf '%s\n' "$root"/{cu13,cudnn,cublas}/lib; done
}

# The first file of a library, libcudnn.so.9 say.
library_file() {
  cuda_folders | while read -r folder; do ls "$folder/$1".so* 2> /dev/null; done | head -n 1
}

library_path() { cuda_folders | paste -sd: -; }

# FILE: what peftc's nvcc links, for this machine.
link_libraries() {
  local name file
  for name in libcublasLt libnvrtc libcudnn; do
    file=$(library_file "$name")
    [[ -n $file ]] || { echo "no $name here" >&2; continue; }
    printf -- '-Xlinker=%s\n-Xlinker=-rpath=%s\n' "$file" "$(dirname "$file")"
  done > "$1"
}
