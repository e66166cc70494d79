#!/usr/bin/env bash
# npm run test:kvm: the quickstart's check, and what only a real KVM host with a real systemd shows, booted under
# emulation. Prints TAP. Bounded in time; what the host said is in .cache/kvm/console.log and .cache/kvm/output.log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${KVM_TEST_SECONDS:-1800}
bash scripts/setup.sh >&2
. scripts/lib/node.sh
use_pinned_node

host=$(test/kvm/build-host.sh)
test/images/build-guest.sh >/dev/null

# What the host gets: the files of this repository as they are now, the packages of npm, the guest image.
# It has no network, so everything set-up looks for must be there.
share=$(mktemp -d)
trap 'rm -rf "$share"' EXIT
mkdir -p "$share/innkeeper/.cache"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  [ ! -e "$file" ] || printf '%s\0' "$file"
done | tar -c --null -T - | tar -x -C "$share/innkeeper"
node --no-warnings test/emulated/strip-types.ts "$share/innkeeper"
node --no-warnings test/kvm/bundle.ts "$share/lib"
cp -a .cache/guest "$share/innkeeper/.cache/"
# Tools for development are large and not used there.
tar -c --exclude='node_modules/@biomejs' --exclude='node_modules/@typescript' --exclude='node_modules/typescript' \
  --exclude='node_modules/@tapjs' --exclude='node_modules/@types' --exclude='node_modules/tap' node_modules |
  tar -x -C "$share/innkeeper"
cp test/kvm/host-run "$share/host-run"

status=0
test/kvm/boot-host.sh "$host" "$share" .cache/kvm/console.log "$seconds" | tee .cache/kvm/output.log || status=$?
if [ "$status" -ne 0 ]; then
  { echo "the KVM host ended with status $status; the end of its console:"; tail -n 20 .cache/kvm/console.log; } >&2
fi
exit "$status"
