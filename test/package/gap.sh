#!innkeeper-guest
# Runs in the guest: asks for its user data without a pause, and tells of every time it was not served, with the
# seconds from the last answer to the next one. Answers are counted, so that silence is not taken for service.
now() { cut -d ' ' -f 1 /proc/uptime; }
(
  answers=0 failed=0 last=$(now)
  while :; do
    if timeout 5 wget -q -O /dev/null http://169.254.169.254/user-data 2>/dev/null; then
      time=$(now) answers=$((answers + 1))
      [ "$failed" -eq 0 ] || echo "GUEST gap.metadata=$(echo "$time $last" | awk '{ printf "%.2f", $1 - $2 }')" >>/tmp/report
      failed=0 last=$time
      echo "$answers" >/tmp/answers
    else
      failed=$((failed + 1))
    fi
  done
) &
