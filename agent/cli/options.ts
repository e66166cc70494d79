// Options of the command that are more than a word: files, repeated things, parameters by name.
import { readFile } from 'node:fs/promises';
import { UsageError } from './failures.ts';

/** Collects a repeated option. */
export function repeated(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** A number. @throws UsageError for anything else */
export function number(value: string): number {
  const parsed = value.trim() === '' ? Number.NaN : Number(value);
  if (Number.isFinite(parsed)) return parsed;
  throw new UsageError(`"${value}" is no number`);
}

/** Comma-separated words. */
export function words(value: string): string[] {
  return value.split(',').filter((word) => word !== '');
}

/** `NAME=VALUE` pairs as an object. @throws UsageError without `=` */
export function pairs(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(given.map((pair) => splitPair(pair)));
}

/** `NAME=JSON` pairs as parameters; what is not JSON is a string. */
export function parameters(given: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    given.map((pair) => {
      const [name, text] = splitPair(pair);
      return [name, jsonOrText(text)];
    }),
  );
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at < 1) throw new UsageError(`"${pair}" should be NAME=VALUE`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `VNET` or `VNET=ADDRESS`: a VNIC on that VNet, with that IPv4 address. */
export function vnic(given: string): { vnetId: string; ipv4Address?: string } {
  const at = given.lastIndexOf('=');
  return at === -1 ? { vnetId: given } : { vnetId: given.slice(0, at), ipv4Address: given.slice(at + 1) };
}

/**
 * A rule of a security list: `in tcp 22`, `out udp 53 10.0.0.0/8`, `in tcp 8000-8100`, `out any`.
 * @throws UsageError for anything else
 */
export function securityRule(given: string) {
  const [direction, protocol, ...rest] = given.trim().split(/\s+/);
  const range = /^(\d+)(?:-(\d+))?$/.exec(rest[0] ?? '');
  if (range) rest.shift();
  const [remote, ...more] = rest;
  if (!direction || !protocol || more.length > 0) {
    throw new UsageError(`"${given}" should be: in|out tcp|udp|icmp|any [PORT[-PORT]] [ADDRESS[/LENGTH]]`);
  }
  return {
    ...{ direction, protocol },
    ...(range ? { fromPort: Number(range[1]) } : {}),
    ...(range?.[2] ? { toPort: Number(range[2]) } : {}),
    ...(remote ? { remote } : {}),
  };
}

/** Content of a file, or of standard input for `-`. @throws UsageError when it cannot be read */
export async function content(file: string): Promise<Buffer> {
  try {
    if (file !== '-') return await readFile(file);
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk);
    return Buffer.concat(chunks);
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** `NAME=PATH` pairs as files for the guest. @throws UsageError when one cannot be read */
export function contextFiles(given: readonly string[]): Promise<{ name: string; content: string }[]> {
  return Promise.all(
    given.map(async (pair) => {
      const [name, path] = splitPair(pair);
      return { name, content: (await content(path)).toString('base64') };
    }),
  );
}

/** Public keys: each given as the key itself or as a file of keys. */
export async function sshKeys(given: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(
    given.map(async (each) => (/^(ssh|ecdsa|sk)-/.test(each) ? each : String(await content(each)))),
  );
  return texts
    .flatMap((text) => text.split('\n').map((line) => line.trim()))
    .filter((line) => line && !line.startsWith('#'));
}
