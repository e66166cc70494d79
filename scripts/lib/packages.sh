# System packages: which ones, on which distribution, and their installation by apt.

# Names separated by | are alternatives between releases: the first one that apt knows is taken.
packages_of() {
  case $1 in
    run)
      echo libvirt-daemon-system libvirt-daemon libvirt-daemon-driver-qemu qemu-system-x86 qemu-utils \
        iproute2 nftables conntrack kmod procps perl-base ;;
    image)
      # zstd and xz: distributions differ in how they compress kernel modules.
      echo busybox-static cpio mtools syslinux qemu-utils kmod xz-utils zstd ;;
    bench)
      # nginx is not installed, where it would start by itself, but unpacked by the benchmark.
      echo wrk genisoimage xorriso libvirt-clients ;;
    test)
      # dhcpcd-base and udhcpc, never the packages that start a client on the machine's own interfaces.
      echo libvirt-clients libxml2-utils mmdebstrap e2fsprogs btrfs-progs genisoimage xorriso \
        'isc-dhcp-client' udhcpc 'dhcpcd-base|dhcpcd5' systemd ipxe-qemu python3 python3-websockets python3-yaml tcpdump lintian groff-base systemd-container curl jq xz-utils bzip2 zstd qemu-guest-agent ;;
    *) fail 1 "no such group of packages: $1" ;;
  esac
}

all_packages() {
  local group
  for group in "$@"; do packages_of "$group"; done | tr ' ' '\n' | sort -u
}

# Debian 12 and 13, Ubuntu 22.04 and 24.04 have been tried; others get the list and do it themselves.
require_known_distribution() {
  local ID='' VERSION_ID='' PRETTY_NAME='an unknown system'
  # shellcheck disable=SC1091
  [ ! -r /etc/os-release ] || . /etc/os-release
  case "$ID $VERSION_ID" in
    'debian 12' | 'debian 13' | 'ubuntu 22.04' | 'ubuntu 24.04') return 0 ;;
  esac
  if all_installed $(all_packages "$@"); then return 0; fi
  fail 2 "This is $PRETTY_NAME. Packages are installed by itself on Debian 12, 13 and Ubuntu 22.04, 24.04 only." \
    'Please install, under the names they have there:' \
    "  $(all_packages "$@" | tr '\n' ' ')" \
    'then start libvirtd and virtlogd (or virtqemud with its libvirtd socket) and run this command again.'
}

require_root() {
  [ "$(id -u)" -eq 0 ] && return 0
  fail 2 'Bridges, network namespaces and libvirt need root. Run the same command with sudo:' \
    '  sudo npm run quickstart      (or: sudo npm test)'
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Takes names as packages_of gives them; true when each has one of its alternatives.
all_installed() {
  command -v dpkg-query >/dev/null || return 1
  [ -z "$(missing_of "$@")" ]
}

missing_of() {
  local wanted name installed found
  # One dpkg-query for everything: the usual case is that nothing is missing.
  installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | tr '\n' ' ')"
  for wanted in "$@"; do
    found=
    for name in ${wanted//|/ }; do
      case "$installed" in *" $name "*) found=1 ;; esac
    done
    [ -n "$found" ] || printf '%s\n' "$wanted"
  done
}

# The first of the alternatives that apt can install.
candidate_of() {
  local name
  for name in ${1//|/ }; do
    if [[ $(apt-cache policy "$name" 2>/dev/null) =~ Candidate:\ [^\(] ]]; then
      printf '%s\n' "$name"
      return 0
    fi
  done
  return 1
}

apt_get() {
  # A dpkg held by the machine's own upgrades is waited for; no question is ever asked.
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get -qq -y \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@" </dev/null
}

apt_update() {
  say 'asking apt for its current lists (apt-get update)'
  apt_get update || fail 1 'apt-get update failed; its message is above.'
}

install_packages() {
  local missing wanted name names=()
  mapfile -t missing < <(missing_of $(all_packages "$@"))
  if [ ${#missing[@]} -eq 0 ]; then
    say 'system packages: all here'
    return 0
  fi
  for wanted in "${missing[@]}"; do
    candidate_of "$wanted" >/dev/null || { apt_update; break; }
  done
  for wanted in "${missing[@]}"; do
    name=$(candidate_of "$wanted") || fail 1 "apt knows no package $wanted (is 'main' / 'universe' enabled?)"
    names+=("$name")
  done
  say "installing with apt: ${names[*]}"
  # Lists that have grown old name files that are gone: fetch them anew and try once more.
  apt_get install --no-install-recommends "${names[@]}" >.cache/apt.log 2>&1 || {
    apt_update
    apt_get install --no-install-recommends "${names[@]}" >.cache/apt.log 2>&1 || {
      tail -n 30 .cache/apt.log >&2
      fail 1 'apt-get install failed; the end of its output is above, all of it in .cache/apt.log.'
    }
  }
}
