// What a context medium is, before it is written: a label and a list of files.

/** One file of a medium; directories come into being through the paths of their files. */
export interface MediumFile {
  /** Relative to the medium's root, parts separated by `/`: `openstack/latest/user_data`. */
  path: string;
  /** The bytes themselves, or a file of the host that is streamed and must have exactly `size` bytes. */
  content: Uint8Array | { file: string; size: number };
  /** Permission bits the guest sees (owner root); 0400 if absent, since media carry keys and passwords. */
  mode?: number;
}

/** A whole medium. The same value always gives the same bytes. */
export interface Medium {
  /** Volume label, by which the guest finds it: 1 to 32 printable ASCII characters. */
  label: string;
  files: MediumFile[];
  /** Every time stamp on the medium; 1980-01-01 UTC if absent, so that the clock never changes the bytes. */
  time?: Date;
}

/** Size of a medium file in bytes. */
export function contentSize(content: MediumFile['content']): number {
  return content instanceof Uint8Array ? content.byteLength : content.size;
}
