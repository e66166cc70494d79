#!/usr/bin/env bash
# npm run quickstart: set-up, then an agent of its own with one VServer that really runs.
# Usage: npm run quickstart               leaves it running, and says how to look around
#        npm run quickstart -- --stop     takes all of it down again
#        npm run quickstart -- --check    the same without a person: takes down, last line is JSON, status 0 if all held
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
case "$*" in
  '' | --check | --stop) ;;
  *) sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
begin=$(date +%s%3N)
bash scripts/setup.sh run image
. scripts/lib/node.sh
use_pinned_node
export QUICKSTART_SETUP_MS=$(($(date +%s%3N) - begin))
exec node --disable-warning=ExperimentalWarning scripts/quickstart/main.ts "$@"
