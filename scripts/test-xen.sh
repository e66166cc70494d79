#!/usr/bin/env bash
# npm run test:xen: driver and agent on a real Xen hypervisor, booted under emulation. Prints TAP and
# (as comments) the table of promises. Bounded in time; logs are .cache/xen/console.log and .cache/xen/output.log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${XEN_TEST_SECONDS:-2400}
bash scripts/setup.sh >&2
. scripts/lib/node.sh
use_pinned_node

host=$(test/xen/build-dom0.sh)
bios=$(test/images/build-guest.sh)
pv=$(test/xen/build-guest.sh)

# What dom0 gets: the agent and its tests as they are now, bundled as it is shipped, Node, and the guest images. It has
# no network, so everything must be there.
share=$(mktemp -d)
trap 'rm -rf "$share"' EXIT
mkdir -p "$share/bin"
cp -L node_modules/.bin/node "$share/bin/"
node --disable-warning=ExperimentalWarning test/xen/bundle.ts "$share/innkeeper" >&2
cp "$bios" "$share/guest.qcow2"
cp --sparse=always "$pv" "$share/guest-pv.raw"
cp test/xen/host-run "$share/host-run"

status=0
test/xen/boot-dom0.sh "$host" "$share" .cache/xen/console.log "$seconds" | tee .cache/xen/output.log || status=$?
if [ "$status" -ne 0 ]; then
  { echo "dom0 ended with status $status; the end of its console:"; tail -n 20 .cache/xen/console.log; } >&2
fi

# The table needs the outcomes of the other drivers: those of the last npm test, or of a run now.
table() {
  node test/promises/table.ts kvm=.cache/promises/kvm.json xen=.cache/promises/xen.json \
    test=.cache/promises/test.json >.cache/promises/table.txt 2>/dev/null
}
mkdir -p .cache/promises
sed -n 's/^# promises //p' .cache/xen/output.log >.cache/promises/xen.json
if [ -s .cache/promises/xen.json ]; then
  table || { TAP_TIMEOUT=900 node test/integration/hypervisor-promises.test.ts >.cache/xen/promises-here.log 2>&1 && table; } || status=1
  sed 's/^/# /' .cache/promises/table.txt
fi
exit "$status"
