#!/usr/bin/env bash
# Make a virtual environment and install the package into it: ci/install.sh VENV EXTRAS
# Says in a few lines what is missing instead of printing pip's traceback; the whole log stays in VENV.log.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1 extras=$2 log="${1%/}.log"
needed_gib=7 # PyTorch and MindSpore take 4.3 GiB unpacked and 1.0 GiB while they are downloaded

fail() {
  echo "install: $1" >&2
  echo "install: $2" >&2
  exit 1
}

find_python() {
  local name
  for name in ${PYTHON:-python3.11 python3.12 python3}; do
    if "$name" -c 'import sys; sys.exit(sys.version_info[:2] not in {(3, 11), (3, 12)})' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  fail "no Python 3.11 or 3.12 found (looked for: ${PYTHON:-python3.11, python3.12, python3})" \
    "install Python 3.11, or name one: make demo PYTHON=/path/to/python3.11"
}

check_disk() {
  local folder free_gib
  for folder in . "${TMPDIR:-/tmp}"; do
    free_gib=$(($(df -Pk "$folder" | awk 'NR == 2 {print $4}') / 1048576))
    ((free_gib >= needed_gib)) ||
      fail "$free_gib GiB free in $(realpath "$folder"); both frameworks need $needed_gib GiB" \
        "free some space, or set TMPDIR (downloads) and VENV (installation) to a larger disk"
  done
}

explain() {
  if grep -q "No space left" "$log"; then
    fail "the disk is full" "free some space and run the command again"
  elif grep -qE "NewConnectionError|NameResolution|ConnectTimeout|ProxyError|Max retries|Network is unreachable" "$log"; then
    fail "no package registry could be reached" "check the network, the proxy and pip's index-url; details: $log"
  elif grep -qE "No matching distribution|Could not find a version" "$log"; then
    fail "the package registry lacks: $(grep -m1 -oE 'No matching distribution found for .*' "$log" | cut -d' ' -f6-)" \
      "is the registry complete and this platform (Linux, x86-64 or arm64) supported? details: $log"
  fi
  grep -iE "^ *error" "$log" | head -5 >&2 || true
  fail "pip could not install the package" "the whole story is in $log"
}

python=$(find_python)
if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
  check_disk
  rm -rf "$venv"
  "$python" -m venv "$venv" >"$log" 2>&1 ||
    fail "$python cannot make a virtual environment (on Debian and Ubuntu: apt install python3-venv)" "details: $log"
fi
echo "installing openmedia-zoo[$extras] into $venv (a few minutes the first time)"
"$venv/bin/python" -m pip install --disable-pip-version-check --no-input -c ci/constraints.txt -e ".[$extras]" \
  >"$log" 2>&1 || explain
