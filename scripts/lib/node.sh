# The npm packages, among them the pinned Node itself, and the test runner's plug-ins.

# Whatever Node the machine has only carries npm; everything of ours runs by this one.
use_pinned_node() {
  PATH="$PWD/node_modules/.bin:$PATH"
  export PATH
}

# A stamp holds the hash of the files that what it stands for was made from.
hash_of() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

# is_current STAMP FILE...
is_current() {
  local stamp=$1
  shift
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(hash_of "$@")" ]
}

# The path without node_modules/.bin, which `npm run` puts in front: npm ci removes that folder under npm's feet.
path_outside() {
  tr ':' '\n' <<<"$PATH" | grep -v '/node_modules/' | paste -s -d ':'
}

install_node_modules() {
  local stamp=node_modules/.innkeeper-installed
  if is_current "$stamp" package-lock.json && [ -x node_modules/.bin/node ]; then
    say 'npm packages: as in package-lock.json'
  else
    say 'installing the npm packages of package-lock.json (npm ci), Node 24 among them'
    env PATH="$(path_outside)" CI=1 npm ci --no-fund --no-audit --loglevel=error </dev/null ||
      fail 1 'npm ci failed; its message is above.'
    [ -x node_modules/.bin/node ] ||
      fail 1 "npm has no Node 24 for this machine ($(uname -sm)); Linux on x86-64 or arm64 is needed."
    hash_of package-lock.json >"$stamp"
  fi
  use_pinned_node
}

# tap is told in .taprc which of its plug-ins to use, and has to be put together for that once.
build_test_runner() {
  local stamp=.tap/plugins/.innkeeper-built
  is_current "$stamp" package-lock.json .taprc && return 0
  say 'putting the test runner together (tap build)'
  tap build </dev/null >.cache/tap-build.log 2>&1 || {
    tail -n 20 .cache/tap-build.log >&2
    fail 1 'tap build failed; the end of its output is above.'
  }
  hash_of package-lock.json .taprc >"$stamp"
}
