#!/usr/bin/env bash
# Formatting, lint, types and generated documents; prints every failure, not just the first.
set -uo pipefail
cd "$(dirname "$0")/.."
bin="${VENV:-.venv}/bin"
failed=()

run() { # run NAME COMMAND...
  local name=$1
  shift
  echo "== $name"
  "$@" || failed+=("$name")
}

run "ruff format" "$bin/ruff" format --check --quiet --output-format concise .
run "ruff" "$bin/ruff" check --quiet --output-format concise .
run "link tree" "$bin/python" ci/link_tree.py
run "mypy" env MYPYPATH=build/typing "$bin/mypy" -p zoo
run "model table" "$bin/python" ci/model_table.py --check
run "notebooks" "$bin/python" ci/notebooks.py --check
run "site" env NO_MKDOCS_2_WARNING=1 "$bin/mkdocs" build --strict --quiet

if ((${#failed[@]})); then
  echo "check: failed: $(IFS=,; echo "${failed[*]}") ('make format' repairs formatting, simple lint and the model table)" >&2
  exit 1
fi
echo "check: all good"
