#!/bin/sh
# Called for each change of the devices: tells the console which disk or NIC came or went,
# on a line of its own, although the shell's prompt stands there.
case "$SUBSYSTEM $DEVTYPE $ACTION" in
  'block disk add' | 'block disk remove' | 'block disk change') printf '\nGUEST disk.%s=%s\n' "$ACTION" "$DEVNAME" >/dev/console ;;
  'net  add' | 'net  remove') printf '\nGUEST nic.%s=%s\n' "$ACTION" "$INTERFACE" >/dev/console ;;
esac
