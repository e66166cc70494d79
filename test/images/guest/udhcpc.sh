#!/bin/sh
# What udhcpc calls with a lease: sets the interface up by it and tells the console what the lease holds.
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
tell() { echo "GUEST $1.${interface#eth}=$2" | tee -a /tmp/report >/dev/console; }

ip addr flush dev "$interface"
ip addr add "$ip/$mask" dev "$interface"
[ -z "$mtu" ] || ip link set "$interface" mtu "$mtu"
# RFC 3442: with classless routes the router option is not looked at.
if [ -n "$staticroutes" ]; then
  set -- $staticroutes
  while [ $# -ge 2 ]; do
    if [ "$2" = 0.0.0.0 ]; then ip route add "$1" dev "$interface"; else ip route add "$1" via "$2" dev "$interface" onlink; fi
    shift 2
  done
else
  for gateway in $router; do ip route add default via "$gateway" dev "$interface"; break; done
fi
# A VNet without a way out still has the configuration service on the wire.
ip route get 169.254.169.254 >/dev/null 2>&1 || ip route add 169.254.169.254 dev "$interface"
: >/etc/resolv.conf
for server in $dns; do echo "nameserver $server" >>/etc/resolv.conf; done
[ -z "$hostname" ] || hostname "$hostname"

tell address "$ip/$mask"
tell gateway "$router"
tell routes "$staticroutes"
tell dns "$dns"
tell mtu "$mtu"
tell lease "$lease"
tell dhcp-server "$serverid"
tell hostname "$hostname"
