#!innkeeper-guest
# Runs in the guest: asks for its user data, and for its lease, again and again. For every answer it notes how long it
# had to wait (seconds) and how often it was refused meanwhile: so what a restart of the agent costs is seen from here.
now() { cut -d ' ' -f 1 /proc/uptime; }

# ask NAME PAUSE COMMAND...
ask() {
  name=$1 pause=$2
  shift 2
  while :; do
    refused=0 begin=$(now)
    until "$@" >/dev/null 2>&1; do refused=$((refused + 1)); done
    echo "$(now) $begin $refused" | awk '{ printf "%.2f %d\n", $1 - $2, $3 }' >>"/tmp/waits.$name"
    sleep "$pause"
  done
}

ask metadata 0 timeout 60 wget -q -O /dev/null http://169.254.169.254/user-data &
# One message is sent again after three seconds: a shorter wait means that none was lost.
ask dhcp 0.5 udhcpc -i eth0 -f -q -n -t 20 -T 3 -s /bin/true &
