#!/usr/bin/env bash
# Writes what is generated of docs/: the reference of dialects and passes, from the .td
# files and the dialects' tests, and the picture of an arena. The results are committed; test/scripts/test_docs.py
# compares them. Needs a build in build/.
#
#   scripts/make_docs.sh [DOCS]     DOCS: where to (docs/ if not given)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${PEFT_BUILD:-build} docs=${1:-docs}

cmake --build "$build" --target mlir-doc > /dev/null

# page FROM TO [TITLE]: for GitHub instead of for Hugo.
page() {
  {
    [[ -z ${3:-} ]] || printf '# %s\n\n' "$3"
    sed -e '/^\[TOC\]$/d' -e 's/{{% *\/\{0,1\}markdown *%}}//g' "$1"
  } | cat -s > "$2"
}

mkdir -p "$docs/reference/dialects" "$docs/reference/passes"
for dialect in NN Peft Train Exec; do
  page "$build/docs/dialects/${dialect}Dialect.md" "$docs/reference/dialects/${dialect,,}.md"
  scripts/op_examples.py "$docs/reference/dialects/${dialect,,}.md" "test/dialects/$dialect"
done
page "$build/docs/passes/AdaptPasses.md" "$docs/reference/passes/adapt.md" "Adapt: from an imported model to an adapted one"
page "$build/docs/passes/PeftDifferentiatePasses.md" "$docs/reference/passes/differentiate.md" "Differentiate: from the loss to a training step"
page "$build/docs/passes/PeftFusePasses.md" "$docs/reference/passes/fuse.md" "Fuse: fewer passes over memory"
page "$build/docs/passes/PeftBudgetPasses.md" "$docs/reference/passes/budget.md" "Budget: a step that fits a memory budget"
page "$build/docs/passes/PeftPlanPasses.md" "$docs/reference/passes/plan.md" "Plan: a schedule with every byte placed"
page "$build/docs/passes/PeftEmitPasses.md" "$docs/reference/passes/emit.md" "Emit: C++ text in waiting"

"$build/bin/peftc" examples/plan-small --lora r=16,alpha=32,targets=all-linear --batch 4 --seq-len 256 --emit=memory \
  --memory-svg "$docs/memory.svg" > /dev/null
