// Commands whose mounts the whole host must see, although the service has a mount namespace of its own.

/**
 * Set by innkeeper.service, which makes such a namespace: network namespaces of VNets and NFS exports are mounts, and
 * libvirt, QEMU and the operator must find them. What is mounted in the host's namespace appears in the service's too.
 */
const apart = process.env.INNKEEPER_HOST_MOUNTS === '1';

/** The command line that does the same in the mount namespace of the host's first process. */
export function inHostMounts(command: string, args: readonly string[]): [command: string, args: string[]] {
  return apart ? ['nsenter', ['--mount=/proc/1/ns/mnt', '--', command, ...args]] : [command, [...args]];
}
