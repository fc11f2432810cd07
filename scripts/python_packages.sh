# Sourced: install_pins FILE brings .venv to the pins of a requirements file.

# Which of the file's pins does the environment lack?
lacking_pins() {
  [[ -x .venv/bin/python ]] || { echo all; return; }
  .venv/bin/python - "$1" <<'PYTHON' || echo all
import sys
from importlib.metadata import PackageNotFoundError, version

for line in open(sys.argv[1]):
    name, _, wanted = line.partition("#")[0].strip().partition("==")
    try:
        if name and version(name) != wanted:
            print(name)
    except PackageNotFoundError:
        print(name)
PYTHON
}

install_pins() {
  [[ -n $(lacking_pins "$1") ]] || return 0
  echo "installing into .venv: $(lacking_pins "$1" | tr '\n' ' ')"
  [[ -x .venv/bin/python ]] || python3 -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r "$1"
}
