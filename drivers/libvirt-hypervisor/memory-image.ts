// Whether a file is a whole memory image, by what libvirt writes in front of it.
import { open } from 'node:fs/promises';

/** In place of `LibvirtQemudPart`, once everything is written (libvirt's src/qemu/qemu_saveimage.h). */
const COMPLETE = 'LibvirtQemudSave';

/**
 * True if libvirt has finished it. A libvirtd that is killed at the end of a save does not tell the next one that the
 * machine is off because it was saved; the file does. One that is not there, or cannot be read, is none.
 */
export async function isMemoryImage(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(COMPLETE.length), 0, COMPLETE.length, 0);
      return buffer.toString('latin1', 0, bytesRead) === COMPLETE;
    } finally {
      await file.close();
    }
  } catch {
    return false;
  }
}
