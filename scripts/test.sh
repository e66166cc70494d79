#!/usr/bin/env bash
# npm test: set-up, then every test, or those given: npm test -- test/unit/iso9660.test.ts
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
. scripts/lib/node.sh
use_pinned_node
# Tests start many agents: what Node has once compiled it need not compile for each of them.
export NODE_COMPILE_CACHE=$PWD/.cache/node-compile
exec tap run "$@"
