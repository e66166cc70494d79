# The distribution's small kernel for virtual machines, fetched once into $cache/kernel, unpacked below $work/kernel.
# For sourcing by the builders; they set `cache` and `work` and hold the lock.

# The package names of the kernel for virtual machines, newest habit first.
kernel_packages() {
  local meta image
  for meta in linux-image-cloud-amd64 linux-image-kvm linux-image-virtual; do
    image=$(apt-cache depends "$meta" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1)
    [ -n "$image" ] || continue
    echo "$image"
    # Ubuntu keeps the modules in a package of their own.
    apt-cache depends "$image" 2>/dev/null | sed -n 's/^ *Depends: \(linux-modules-[0-9].*\)$/\1/p' | head -n 1
    return 0
  done
  echo 'test/images: apt offers no kernel for virtual machines (linux-image-cloud-amd64, linux-image-virtual)' >&2
  return 1
}

fetch_kernel() {
  local fresh=$cache/kernel.new packages
  packages=$(kernel_packages)
  rm -rf "$fresh"
  mkdir -p "$fresh"
  # shellcheck disable=SC2086
  (cd "$fresh" && apt-get -qq -o APT::Sandbox::User=root download $packages >&2)
  rm -rf "$cache/kernel"
  mv "$fresh" "$cache/kernel"
}

# Sets `version`.
unpack_kernel() {
  local deb
  mkdir "$work/kernel"
  for deb in "$cache"/kernel/*.deb; do dpkg -x "$deb" "$work/kernel"; done
  # Merged /usr or not, depmod looks below /lib/modules.
  [ -d "$work/kernel/lib/modules" ] || { mkdir -p "$work/kernel/lib" && mv "$work/kernel/usr/lib/modules" "$work/kernel/lib/"; }
  version=$(ls "$work/kernel/lib/modules")
  depmod -b "$work/kernel" "$version"
}

# copy_modules MODULE...: copies them with what they depend on, uncompressed, to $work/root/modules; the file
# `order` there says in which order to load them. Those a kernel has built in, or has not, are passed over.
copy_modules() {
  local module kind path name
  mkdir -p "$work/root/modules"
  for module in "$@"; do
    { modprobe -d "$work/kernel" -S "$version" --show-depends "$module" 2>/dev/null || true; } |
      while read -r kind path _; do
        [ "$kind" = insmod ] || continue
        name=$(basename "$path")
        case $name in
          *.xz) xz -dc "$path" >"$work/root/modules/${name%.xz}" && name=${name%.xz} ;;
          *.zst) zstd -qdc "$path" >"$work/root/modules/${name%.zst}" && name=${name%.zst} ;;
          *) cp "$path" "$work/root/modules/" ;;
        esac
        echo "$name"
      done
  done | awk '!seen[$0]++' >"$work/order"
  mv "$work/order" "$work/root/modules/order"
}

# pack_initramfs: $work/root becomes $work/initrd.
pack_initramfs() {
  (cd "$work/root" && find . -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc -R 0:0 --reproducible) |
    gzip -1n >"$work/initrd"
}
