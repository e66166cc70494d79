// What each driver is known not to do, so that a promise that is given up does not pass unnoticed.

/** By driver: promises whose outcome is `unsupported`. Everything else must pass. */
export const UNSUPPORTED: Readonly<Record<string, readonly string[]>> = {
  kvm: ['boots a paravirtual guest (pv)', "boots a paravirtual guest with the processor's help (pvh)"],
  xen: [
    'tells a running machine the new length of its disk',
    'changes the medium in a drive',
    'asks the guest agent, and does not wait for one that is not there',
    'offers QMP beside libvirt, for backups of a running machine',
    'presses the reset button',
  ],
  test: [
    'plugs a disk into a machine that is off, and unplugs it',
    'plugs a disk into a running machine, and gets it back',
    'counts the vCPUs, the memory and the CPU time of what runs',
    'schedules a running machine by its share and its cap',
    "gives a NIC's device its name and its bridge",
    'carries the console both ways',
    'takes memory from a running machine by its balloon, and gives it back',
    'plugs a NIC into a running machine, and gets it back',
    'tells a running machine the new length of its disk',
    'changes the medium in a drive',
    'asks the guest agent, and does not wait for one that is not there',
    'offers QMP beside libvirt, for backups of a running machine',
    'boots a guest by its firmware (hvm)',
    'boots a paravirtual guest (pv)',
    "boots a paravirtual guest with the processor's help (pvh)",
  ],
};
