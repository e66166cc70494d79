#!/usr/bin/env bash
# npm run test:xen: the driver on a real Xen hypervisor, booted under emulation. Prints TAP and
# (as comments) the table of promises. Bounded in time; logs are .cache/xen/console.log and .cache/xen/output.log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${XEN_TEST_SECONDS:-900}
bash scripts/setup.sh >&2
. scripts/lib/node.sh
use_pinned_node

host=$(test/xen/build-dom0.sh)
bios=$(test/images/build-guest.sh)
pv=$(test/xen/build-guest.sh)

# What dom0 gets: the files of this repository as they are now, the packages of npm, the guest images.
# It has no network, so everything must be there.
share=$(mktemp -d)
trap 'rm -rf "$share"' EXIT
mkdir -p "$share/innkeeper"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  [ ! -e "$file" ] || printf '%s\0' "$file"
done | tar -c --null -T - | tar -x -C "$share/innkeeper"
node --no-warnings test/xen/strip-types.ts "$share/innkeeper"
# Tools for development are large and not used there.
tar -c --exclude='node_modules/@biomejs' --exclude='node_modules/@typescript' --exclude='node_modules/typescript' \
  --exclude='node_modules/@tapjs' --exclude='node_modules/@types' --exclude='node_modules/tap' node_modules |
  tar -x -C "$share/innkeeper"
cp "$bios" "$share/guest.qcow2"
cp --sparse=always "$pv" "$share/guest-pv.raw"
cp test/xen/host-run "$share/host-run"

status=0
test/xen/boot-dom0.sh "$host" "$share" .cache/xen/console.log "$seconds" | tee .cache/xen/output.log || status=$?
if [ "$status" -ne 0 ]; then
  { echo "dom0 ended with status $status; the end of its console:"; tail -n 20 .cache/xen/console.log; } >&2
fi

# The table needs the outcomes of the other drivers: those of the last npm test, or of a run now.
mkdir -p .cache/promises
sed -n 's/^# promises //p' .cache/xen/output.log >.cache/promises/xen.json
if [ -s .cache/promises/xen.json ]; then
  [ -s .cache/promises/kvm.json ] && [ -s .cache/promises/test.json ] ||
    node test/integration/hypervisor-promises.test.ts >.cache/xen/promises-here.log 2>&1 || status=1
  node test/promises/table.ts kvm=.cache/promises/kvm.json xen=.cache/promises/xen.json \
    test=.cache/promises/test.json >.cache/promises/table.txt
  sed 's/^/# /' .cache/promises/table.txt
fi
exit "$status"
