// What a domain's XML says about the devices we plug and unplug.
import { XMLParser } from 'fast-xml-parser';

/** A disk as libvirt has it; `source` absent for an empty drive. */
export interface DiskView {
  target: string;
  bus: string;
  alias: string;
  source?: string;
}

export interface NicView {
  mac: string;
  bridge: string;
  device: string;
  alias: string;
}

export interface DomainView {
  machineType: string;
  disks: DiskView[];
  nics: NicView[];
}

type Node = { [name: string]: Node | Node[] | string | undefined };

const LISTS = ['domain.devices.disk', 'domain.devices.interface'];
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  isArray: (_name, path) => LISTS.includes(String(path)),
});

/** Reads domain XML; whatever is missing is empty text, because foreign domains may lack anything. */
export function readDomain(text: string): DomainView {
  const domain = child(parser.parse(text) as Node, 'domain');
  const devices = child(domain, 'devices');
  return {
    machineType: attribute(child(child(domain, 'os'), 'type'), 'machine'),
    disks: list(devices, 'disk').map(readDisk),
    nics: list(devices, 'interface').map((nic) => ({
      mac: attribute(child(nic, 'mac'), 'address').toLowerCase(),
      bridge: attribute(child(nic, 'source'), 'bridge'),
      device: attribute(child(nic, 'target'), 'dev'),
      alias: attribute(child(nic, 'alias'), 'name'),
    })),
  };
}

/** Text at a path of element names, for the few facts of the capabilities document. */
export function readText(text: string, path: readonly string[]): string {
  const node = at(text, path);
  return typeof node === 'string' ? node : '';
}

/** The `name` of each element at a path: one, many or none. */
export function readNames(text: string, path: readonly string[]): string[] {
  const found = at(text, path);
  const nodes = Array.isArray(found) ? found : [found];
  return nodes
    .map((node) => (typeof node === 'object' ? attribute(node as Node, 'name') : ''))
    .filter(Boolean);
}

function at(text: string, path: readonly string[]): unknown {
  let node: unknown = parser.parse(text);
  for (const name of path)
    node = typeof node === 'object' && node !== null ? (node as Node)[name] : undefined;
  return node ?? undefined;
}

function readDisk(disk: Node): DiskView {
  const source = child(disk, 'source');
  const path = attribute(source, 'file') || attribute(source, 'dev');
  return {
    target: attribute(child(disk, 'target'), 'dev'),
    bus: attribute(child(disk, 'target'), 'bus'),
    alias: attribute(child(disk, 'alias'), 'name'),
    ...(path === '' ? {} : { source: path }),
  };
}

function child(node: Node, name: string): Node {
  const found = node[name];
  return typeof found === 'object' && !Array.isArray(found) ? found : {};
}

function list(node: Node, name: string): Node[] {
  const found = node[name];
  return Array.isArray(found) ? found.filter((item) => typeof item === 'object') : [];
}

function attribute(node: Node, name: string): string {
  const found = node[`@${name}`];
  return typeof found === 'string' ? found : '';
}
