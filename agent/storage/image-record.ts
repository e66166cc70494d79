// The small files beside an image: its record, and how far an interrupted download is.
import { createHash } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { shownUri } from './http-request.ts';

/** What is kept of a registered image. */
export const ImageRecord = Type.Object({
  /** Where it came from, without secrets. */
  source: Type.String(),
  /** SHA-256 of the whole URI: enough to know it again. */
  sourceKey: Type.String(),
  format: Type.Union([Type.Literal('raw'), Type.Literal('qcow2')]),
  virtualSizeBytes: Type.Integer({ minimum: 0 }),
  fileBytes: Type.Integer({ minimum: 0 }),
  /** Of the bytes as they came, before decompression. */
  checksum: Type.String(),
});
export type ImageRecord = Static<typeof ImageRecord>;

/** What is kept of a download under way. */
export const DownloadRecord = Type.Object({
  sourceKey: Type.String(),
  validator: Type.Optional(Type.String()),
  totalBytes: Type.Optional(Type.Integer({ minimum: 0 })),
});
export type DownloadRecord = Static<typeof DownloadRecord>;

/** Identifies a source without keeping the passwords or signatures its URI may carry. */
export function sourceOf(uri: string): { source: string; sourceKey: string } {
  return { source: shownUri(uri), sourceKey: createHash('sha256').update(uri).digest('hex') };
}

/** Reads a record; undefined if there is none or it is not one (cut off by a crash). */
export async function readRecord<S extends typeof ImageRecord | typeof DownloadRecord>(
  schema: S,
  path: string,
): Promise<Static<S> | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return Value.Check(schema, value) ? (value as Static<S>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes a record whole and durably, or not at all. */
export async function writeRecord(path: string, record: ImageRecord | DownloadRecord): Promise<void> {
  const temporary = `${path}-new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(record)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
