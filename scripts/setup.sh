#!/usr/bin/env bash
# Makes this machine ready: system packages, npm packages, libvirt's daemons. Running it again costs seconds.
# Usage: setup.sh [run] [image] [test] [bench]     (no argument: the first three)
#   run    what the agent needs on any host
#   image  what building the guest image needs
#   test   what the tests need besides
#   bench  what the benchmarks compare with
# Exit status: 0 ready, 1 something failed, 2 this machine must be prepared by hand (what to do is printed).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR
. scripts/lib/say.sh
. scripts/lib/packages.sh
. scripts/lib/node.sh
. scripts/lib/daemons.sh

groups=("$@")
[ ${#groups[@]} -gt 0 ] || groups=(run image test)

# One set-up at a time: two npm ci in one folder destroy each other's work.
mkdir -p .cache
exec 9>.cache/setup.lock
flock -n 9 || { say 'another set-up is running in this folder; waiting for it'; flock 9; }

require_known_distribution "${groups[@]}"
require_root
install_packages "${groups[@]}"
install_node_modules
case " ${groups[*]} " in *' test '*) build_test_runner ;; esac
start_daemons
