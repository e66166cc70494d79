#!/usr/bin/env bash
# npm run test:cloud-init [-- DATASOURCE...]: cloud-init itself, in a real Debian machine, reads every datasource (or
# those named). Prints TAP with one table. Five minutes or so where machines are emulated on two idle processors.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh >&2
. scripts/lib/node.sh
use_pinned_node
# The test's own limits are per machine; this one is for all of them on a busy host.
TAP_TIMEOUT=${TAP_TIMEOUT:-7200} exec node test/cloud-init/datasources.test.ts "$@"
