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

/** Reads a document into objects: attributes begin with `@`, values stay text, and elements at `lists` are lists. */
export function xmlParser(lists: readonly string[] = []): { parse(text: string): unknown } {
  return new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    isArray: (_name, path) => lists.includes(String(path)),
  });
}

const domains = xmlParser(['domain.devices.disk', 'domain.devices.interface']);
const facts = xmlParser();

/** Reads domain XML; whatever is missing is empty text, because foreign domains may lack anything. */
export function readDomain(text: string): DomainView {
  const domain = child(domains.parse(text) as Node, 'domain');
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

/** What a document says at paths of element names; it is read once, however many facts are taken from it. */
export interface FactsOf {
  /** Text of an element; empty if there is none. */
  text(path: readonly string[]): string;
  /** The `name` of each element there: one, many or none. */
  names(path: readonly string[]): string[];
}

export function readFacts(text: string): FactsOf {
  const document = facts.parse(text);
  return {
    text(path) {
      const found = at(document, path);
      return typeof found === 'string' ? found : '';
    },
    names(path) {
      const found = at(document, path);
      const nodes = Array.isArray(found) ? found : [found];
      return nodes
        .map((node) => (typeof node === 'object' ? attribute(node as Node, 'name') : ''))
        .filter(Boolean);
    },
  };
}

function at(document: unknown, path: readonly string[]): unknown {
  let node = document;
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
