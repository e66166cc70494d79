// Looks at an image that came from outside, under limits, before anything else may touch it.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { InnkeeperError } from '../resources/errors.ts';
import { run } from './child.ts';
import { humanBytes, printable, storageError } from './errors.ts';
import type { DiskFormat } from './pool.ts';
import { checkForeignQcow2, HEAD_BYTES, hasQcowMagic, parseQcow2 } from './qcow2-header.ts';

export interface InspectLimits {
  /** Largest disk a guest may be shown; default 8 TiB. */
  maxVirtualBytes?: number;
  /** Bounds on qemu-img: wall clock (default 30 s), processor time (20 s), address space (1 GiB). */
  timeoutMs?: number;
  cpuSeconds?: number;
  memoryBytes?: number;
  /** What the registerer says it is; an image that looks otherwise is refused. */
  format?: DiskFormat;
}

export interface ImageFacts {
  format: DiskFormat;
  virtualSizeBytes: number;
}

/** Formats we know by their first bytes only to refuse them with a better sentence than "it does not boot". */
const FOREIGN_MAGIC: [string, string][] = [
  ['VMDK', 'KDMV'],
  ['VMDK', '# Disk DescriptorFile'],
  ['VMDK', 'COWD'],
  ['VHDX', 'vhdxfile'],
  ['VHD', 'conectix'],
  ['QED', 'QED\0'],
  ['VirtualBox VDI', '<<< '],
  ['Parallels', 'WithoutFreeSpace'],
  ['Parallels', 'WithouFreSpacExt'],
  ['LUKS', 'LUKS\xba\xbe'],
];

/**
 * Format and size of an image file. Our own bounded look at the header comes first; only an image that
 * names no other file is shown to qemu-img, which is told the format and never probes it.
 * @throws InnkeeperError `invalid` (with what is wrong), `unsupported` (another format), `not-found`
 */
export async function inspectImage(path: string, limits: InspectLimits = {}): Promise<ImageFacts> {
  const file = await openRegular(path);
  try {
    const { size } = await file.stat();
    const head = new Uint8Array(Math.min(HEAD_BYTES, size));
    let filled = 0;
    while (filled < head.length) {
      const { bytesRead } = await file.read(head, filled, head.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    const facts = judgeHead(head.subarray(0, filled), size, limits);
    if (facts.format === 'qcow2') await confirmWithQemu(path, facts, limits);
    return facts;
  } catch (error) {
    throw storageError(error, { what: `inspect ${path}` });
  } finally {
    await file.close();
  }
}

/**
 * Opens for reading without ever waiting (a FIFO) or following into anything but a regular file.
 * @throws InnkeeperError `not-found` or `invalid`
 */
export async function openRegular(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    throw new InnkeeperError(
      'not-found',
      `Cannot open ${printable(path)}: ${(error as Error).message}.`,
      {},
      error,
    );
  }
  const stat = await file.stat();
  if (stat.isFile()) return file;
  await file.close();
  throw new InnkeeperError('invalid', `${printable(path)} is not a regular file.`);
}

/**
 * The part of the inspection that needs no process: decides by the first bytes alone.
 * @throws InnkeeperError as `inspectImage`
 */
export function judgeHead(head: Uint8Array, fileBytes: number, limits: InspectLimits): ImageFacts {
  const format: DiskFormat = hasQcowMagic(head) ? 'qcow2' : 'raw';
  if (limits.format !== undefined && limits.format !== format) {
    throw new InnkeeperError('invalid', `The image was announced as ${limits.format}, but it is ${format}.`);
  }
  if (format === 'raw' && limits.format === undefined) refuseForeign(head);
  let virtualSizeBytes = fileBytes;
  if (format === 'qcow2') {
    const header = parseQcow2(head);
    checkForeignQcow2(header, fileBytes);
    virtualSizeBytes = header.virtualSizeBytes;
  }
  const most = limits.maxVirtualBytes ?? 8 * 2 ** 40;
  if (virtualSizeBytes > most) {
    const message = `The image's disk of ${humanBytes(virtualSizeBytes)} is larger than the ${humanBytes(most)} allowed.`;
    throw new InnkeeperError('invalid', message);
  }
  if (virtualSizeBytes < 512) throw new InnkeeperError('invalid', 'The image holds less than one sector.');
  return { format, virtualSizeBytes };
}

function refuseForeign(head: Uint8Array): void {
  if (Buffer.from(head.subarray(257, 262)).toString('latin1') === 'ustar') {
    throw new InnkeeperError(
      'unsupported',
      'The image is a tar archive: unpack it and register the disk inside.',
    );
  }
  const start = Buffer.from(head.subarray(0, 32)).toString('latin1');
  const found = FOREIGN_MAGIC.find(([, magic]) => start.startsWith(magic));
  if (!found) return;
  const advice =
    'convert it with qemu-img convert -O qcow2, or say format "raw" if these bytes are the disk itself';
  throw new InnkeeperError('unsupported', `The image is in the ${found[0]} format: ${advice}.`);
}

/** What qemu-img info says, as far as it matters here; its answer is not trusted to have this shape. */
interface QemuImgInfo {
  format?: unknown;
  'virtual-size'?: unknown;
  'backing-filename'?: unknown;
  encrypted?: unknown;
  'format-specific'?: { data?: { 'data-file'?: unknown; encrypt?: unknown; corrupt?: unknown } };
}

async function confirmWithQemu(path: string, facts: ImageFacts, limits: InspectLimits): Promise<void> {
  const args = ['info', '-f', facts.format, '--output=json', '--', path];
  let info: QemuImgInfo;
  try {
    const text = await run('qemu-img', args, {
      timeoutMs: limits.timeoutMs ?? 30_000,
      cpuSeconds: limits.cpuSeconds ?? 20,
      memoryBytes: limits.memoryBytes ?? 2 ** 30,
    });
    info = JSON.parse(text) as QemuImgInfo;
  } catch (error) {
    const why = printable((error as Error).message);
    throw new InnkeeperError('invalid', `qemu-img cannot read the image: ${why}.`, {}, error);
  }
  const data = info['format-specific']?.data;
  const alone = info['backing-filename'] === undefined && data?.['data-file'] === undefined;
  const plain = info.encrypted !== true && data?.encrypt === undefined && data?.corrupt !== true;
  if (!alone || !plain || info.format !== facts.format || info['virtual-size'] !== facts.virtualSizeBytes) {
    throw new InnkeeperError('invalid', 'qemu-img sees another image than its header describes.');
  }
}
