// The LVM commands a thin pool is made of, and the reading of LVM's reports.
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { InnkeeperError } from '../resources/errors.ts';
import { type ChildOptions, run } from './child.ts';

/** Runs one tool; the default is `run`, tests put their own in its place. */
export type Runner = (command: string, args: string[], options?: ChildOptions) => Promise<string>;

/** Volumes of ours carry this tag; no other logical volume is ever touched. */
export const TAG = 'innkeeper';

/** LVM waits for its locks and for udev; beyond this something is wrong. */
const TIMEOUT_MS = 60_000;

/** One logical volume of the group. */
export interface LogicalVolume {
  name: string;
  sizeBytes: number;
  ours: boolean;
  /** Of a thin pool: how full its data and its metadata are. */
  dataPercent?: number;
  metadataPercent?: number;
}

const Report = Type.Object({
  report: Type.Array(
    Type.Object({
      lv: Type.Array(
        Type.Object({
          lv_name: Type.String(),
          lv_size: Type.String(),
          lv_tags: Type.String(),
          data_percent: Type.String(),
          metadata_percent: Type.String(),
        }),
      ),
    }),
  ),
});

/** Reads `lvs --reportformat json --units b --nosuffix`. @throws InnkeeperError `internal` */
export function parseLvs(text: string): LogicalVolume[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InnkeeperError('internal', 'LVM gave a report that is not JSON.', {}, error);
  }
  if (!Value.Check(Report, value))
    throw new InnkeeperError('internal', 'LVM gave a report of unknown shape.');
  return value.report.flatMap(({ lv }) =>
    lv.map((row) => ({
      name: row.lv_name,
      sizeBytes: Number(row.lv_size),
      ours: row.lv_tags.split(',').includes(TAG),
      ...(row.data_percent === '' ? {} : { dataPercent: Number(row.data_percent) }),
      ...(row.metadata_percent === '' ? {} : { metadataPercent: Number(row.metadata_percent) }),
    })),
  );
}

/** The commands for one volume group and the thin pool in it. All names were checked before. */
export class Lvm {
  readonly #group: string;
  readonly #pool: string;
  readonly #run: Runner;

  constructor(group: string, pool: string, runner: Runner = run) {
    this.#group = group;
    this.#pool = pool;
    this.#run = runner;
  }

  device(name: string): string {
    return `/dev/${this.#group}/${name}`;
  }

  /** All logical volumes of the group, by one command. */
  async list(): Promise<LogicalVolume[]> {
    const columns = 'lv_name,lv_size,lv_tags,data_percent,metadata_percent';
    const format = ['--reportformat', 'json', '--units', 'b', '--nosuffix'];
    return parseLvs(await this.#lvm('lvs', ...format, '-o', columns, this.#group));
  }

  /** A blank thin volume; blocks are taken from the pool when written. */
  async create(name: string, sizeBytes: number): Promise<void> {
    const thin = ['--type', 'thin', '--thinpool', this.#pool, '-V', `${sizeBytes}b`];
    await this.#lvm('lvcreate', '-y', '-W', 'y', ...thin, '-n', name, '--addtag', TAG, this.#group);
  }

  /** A writable copy of a moment, sharing blocks; `-k n` because snapshots are otherwise not activated. */
  async snapshot(name: string, origin: string): Promise<void> {
    const source = `${this.#group}/${origin}`;
    await this.#lvm('lvcreate', '-y', '-s', '-k', 'n', '-n', name, '--addtag', TAG, source);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#lvm('lvrename', this.#group, from, to);
  }

  async extend(name: string, sizeBytes: number): Promise<void> {
    await this.#lvm('lvextend', '-L', `${sizeBytes}b`, `${this.#group}/${name}`);
  }

  async remove(name: string): Promise<void> {
    await this.#lvm('lvremove', '-f', '-y', `${this.#group}/${name}`);
  }

  #lvm(command: string, ...args: string[]): Promise<string> {
    return this.#run(command, args, { timeoutMs: TIMEOUT_MS });
  }
}
