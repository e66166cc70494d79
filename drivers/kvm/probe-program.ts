// The guest of the acceleration probe: a boot sector that climbs from real mode to long mode and says so.

/** What the program writes to the exit port, and the port. */
export const WRITTEN = 0x10;
export const EXIT_PORT = 0xf4;

/** Below a certain size firmware does not take a disk for one; 1 MiB is enough. */
const DISK_BYTES = 1_048_576;

/*
 * Hand-assembled for 0x7c00, in groups of what it does. The two returns from interrupts matter: a KVM that
 * emulates privileged instructions may run firmware for seconds and then fail at the first of them.
 */
const PROGRAM = [
  'fa 31c0 8ed8 8ed0 bc0070', //                       cli; ds = ss = 0; sp = 0x7000
  '0f0116c87c 0f20c0 0c01 0f22c0 ea1c7c0800', //       lgdt; cr0.PE = 1; far jump to 32-bit code
  '66b81000 8ed8 8ec0 8ed0 bc00700000', //             flat data segments, esp = 0x7000
  '9c 6a08 68347c0000 cf', //                          iret in protected mode
  'bf00100000 31c0 b9000c0000 f3ab', //                clear three page tables
  'c7050010000003200000 c7050020000003300000 c7050030000083000000', // map the first 2 MiB onto itself
  '0f20e0 0c20 0f22e0 b800100000 0f22d8', //           cr4.PAE = 1; cr3 = the tables
  'b9800000c0 0f32 80cc01 0f30', //                    efer.LME = 1
  '0f20c0 0d00000080 0f22c0 ea8e7c00001800', //        cr0.PG = 1; far jump to 64-bit code
  '6a10 6800700000 9c 6a18 689f7c0000 48cf', //        iret in long mode
  '31c0 0fa2 b010 e6f4 f4', //                         cpuid; write the proof; halt
  '0000000000000000 ffff0000009acf00 ffff00000092cf00 ffff0000009aaf00',
  '1f00 a87c0000', //                                  size and address of that descriptor table
];

/** The disk that holds it. */
export function probeDisk(): Buffer {
  const disk = Buffer.alloc(DISK_BYTES);
  disk.write(PROGRAM.join('').replaceAll(' ', ''), 'hex');
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}
