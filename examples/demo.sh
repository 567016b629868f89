#!/usr/bin/env bash
# The story of the mission on a running server: one name in three namespaces, each with its own
# address; what a program asking from here or there gets; and what a node's kernel is told.
# Everything here goes through the command line; the server is WAYPOST_API, or the local one.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export WAYPOST_API="${WAYPOST_API:-http://127.0.0.1:${WAYPOST_API_PORT:-8053}}"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  heading=$'\033[1;34m' prompt=$'\033[2m' plain=$'\033[0m'
else
  heading='' prompt='' plain=''
fi

step() { printf '\n%s%s%s\n' "$heading" "$*" "$plain"; }
show() { printf '%s$ %s%s\n' "$prompt" "$*" "$plain"; "$@"; }
refused() { if show "$@"; then echo "demo: that should have been refused" >&2; exit 1; fi; }

if ! command -v waypost >/dev/null; then
  echo "demo: waypost is not on the PATH: run this as \`make demo\`" >&2
  exit 1
fi
if ! reason=$(waypost get namespaces 2>&1 >/dev/null); then
  echo "demo: ${reason#error: }" >&2
  exit 1
fi

step "Two nodes, the Service ent with three Pods, and the same name again in dev and prod"
show waypost apply -f examples

step "Each Service has a stable address of its own"
show waypost get services -A -l app=ent

step "Two of the three Pods in default are ready; the third is known, and left out of traffic"
show waypost get pods
show waypost explain service ent

step "The short name, as a program in default sees it"
show waypost resolve ent

step "The same short name from dev is another Service"
show waypost resolve ent --namespace dev

step "And by its full name, dev reaches the one in default"
show waypost resolve ent.default.svc.cluster.local. --namespace dev

step "What the kernel of node n1 is told"
show waypost rules n1

step "A Pod with a mistyped label is found among the near misses"
show waypost apply -f examples/mistakes/ent-4.yaml
show waypost explain service ent

step "A mistake is named by its file, line and field, and nothing is written"
refused waypost apply --strict -f examples/mistakes/typo.yaml
refused waypost apply -f examples/mistakes/broken.yaml

step "To undo it all:"
cat <<'END'
waypost delete -f examples -f examples/mistakes/ent-4.yaml --grace-period 0
waypost delete namespace dev
waypost delete namespace prod
END
