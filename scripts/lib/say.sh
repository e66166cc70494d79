# One line for each thing the set-up does, and one way to give up.

say() { printf 'setup: %s\n' "$*"; }

# fail STATUS LINE...
fail() {
  local status=$1
  shift
  printf 'setup: %s\n' "$@" >&2
  exit "$status"
}
