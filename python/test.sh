#!/usr/bin/env bash
# Builds the wheel and runs the tests in a fresh virtual environment. PYTHON names the interpreter; WHEEL a wheel that is built already.
set -euo pipefail
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
pip="$folder/venv/bin/pip --quiet --disable-pip-version-check"
if [ -z "${WHEEL:-}" ]; then
  $pip wheel --no-deps --wheel-dir "$folder" .
  WHEEL=$(ls "$folder"/wiremark-*.whl)
fi
bytes=$(wc -c < "$WHEEL")
echo "wheel: $(basename "$WHEEL"), $bytes bytes"
[ "$bytes" -lt 10000000 ]
$pip install "$WHEEL" pytest numpy pandas pyarrow polars duckdb matplotlib nbclient ipykernel
cd tests
exec "$folder/venv/bin/python" -X faulthandler -m pytest -q -p no:cacheprovider "$@" .
