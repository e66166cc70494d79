// The guest of the acceleration probe: firmware that climbs from real mode to long mode and says so.

/** What the program writes to the exit port, and the port. */
export const WRITTEN = 0x10;
export const EXIT_PORT = 0xf4;

/** The last 64 KiB below 1 MiB; the processor begins 16 bytes before their end. */
const FIRMWARE_BYTES = 65_536;
const RESET_VECTOR = FIRMWARE_BYTES - 16;
const JUMP_TO_START = 'ea000000f0';
const HALT = 0xf4;

/*
 * Assembled for 0xf0000, in groups of what it does. The two returns from interrupts matter: a KVM that
 * emulates privileged instructions may run firmware for seconds and then fail at the first of them.
 */
const PROGRAM = [
  'fa 8cc8 8ed8 660f0116c800', //                      cli; ds = cs; lgdt
  '0f20c0 0c01 0f22c0 66ea1b000f000800', //            cr0.PE = 1; far jump to 32-bit code
  '66b81000 8ed8 8ec0 8ed0 bc00700000', //             flat data segments; esp = 0x7000
  '9c 6a08 6833000f00 cf', //                          iret in protected mode
  'bf00100000 31c0 b9000c0000 f3ab', //                clear three page tables
  'c7050010000003200000 c7050020000003300000', //      two levels of them …
  'c7050030000083000000', //                           … and the first 2 MiB mapped onto itself
  '0f20e0 0c20 0f22e0 b800100000 0f22d8', //           cr4.PAE = 1; cr3 = the tables
  'b9800000c0 0f32 80cc01 0f30', //                    efer.LME = 1
  '0f20c0 0d00000080 0f22c0 ea8d000f001800', //        cr0.PG = 1; far jump to 64-bit code
  '6a10 6800700000 9c 6a18 689e000f00 48cf', //        iret in long mode
  '31c0 0fa2 b010 e6f4 f4 90', //                      cpuid; write the proof; halt
  '0000000000000000 ffff0000009bcf00', //              descriptors: none, 32-bit code,
  'ffff00000093cf00 ffff0000009baf00', //              data, 64-bit code (marked used: this is ROM)
  '1f00 a8000f00', //                                  their size and address
];

/** The firmware image that holds it, for QEMU's `-bios`. */
export function probeFirmware(): Buffer {
  const firmware = Buffer.alloc(FIRMWARE_BYTES, HALT);
  firmware.write(PROGRAM.join('').replaceAll(' ', ''), 'hex');
  firmware.write(JUMP_TO_START, RESET_VECTOR, 'hex');
  return firmware;
}
