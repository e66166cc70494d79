#!/usr/bin/env bash
# npm run bench -- NAME [--json] [--rounds N]: one benchmark beside its peers; the last line is one JSON object.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh run bench >&2
. scripts/lib/node.sh
use_pinned_node
exec node --disable-warning=ExperimentalWarning bench/main.ts "$@"
