# Test points in TAP, counted through all topics and through the host's reboot; sourced by host-run.
kept=/var/lib/testbed-points
count=0 failed=0
# shellcheck disable=SC1090
[ ! -e "$kept" ] || . "$kept"

# point OK|NOT-OK NAME: one test point.
point() {
  count=$((count + 1))
  [ "$1" = ok ] || failed=$((failed + 1))
  echo "$1 $count - $2"
  echo "count=$count failed=$failed" >"$kept"
}

# is NAME COMMAND...: one test point; on failure the command's output is its diagnostic.
is() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    point ok "$name"
  else
    point 'not ok' "$name"
    printf '  ---\n  output: |\n'
    tail -n 40 <<<"$output" | sed 's/^/    /'
    echo '  ...'
  fi
}

# topic NAME [ARGUMENT...]: a program of this folder whose lines "ok - NAME" and "not ok - NAME" are test points.
topic() {
  local line
  while IFS= read -r line; do
    case $line in
      'ok - '*) point ok "${line#ok - }" ;;
      'not ok - '*) point 'not ok' "${line#not ok - }" ;;
      *) printf '%s\n' "$line" ;;
    esac
  done < <(node --no-warnings "$share/lib/program/$1.js" "${@:2}" 2>&1 || echo "not ok - $1 comes to its end")
  echo "# $1: $SECONDS s after the start"
}
