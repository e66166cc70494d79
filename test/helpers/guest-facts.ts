// Facts of an imaginary guest, and a directory that answers from a list of them.
import type { GuestFacts, GuestNic } from '../../contextualization/guest-facts.ts';
import type { GuestDirectory } from '../../metadata-server/mod.ts';

export function nicOf(changes: Partial<GuestNic> = {}): GuestNic {
  return {
    vnicId: 'vnic-00000001',
    vnetId: 'vnet-a',
    vnetName: 'front',
    position: 0,
    mac: '52:54:5e:00:00:01',
    mtu: 1400,
    ipv4: { address: '10.0.0.11', prefixLength: 24, gateway: '10.0.0.1' },
    dnsServers: ['10.0.0.53', '2001:db8::53'],
    searchDomains: ['one.example.org', 'example.org'],
    ntpServers: ['10.0.0.123'],
    ...changes,
  };
}

export function factsOf(changes: Partial<GuestFacts> = {}): GuestFacts {
  return {
    vserverId: 'vs-00000001',
    name: 'demo',
    hostname: 'demo.example.org',
    uuid: '0b5a3f52-5b5f-4a11-9d5e-000000000001',
    instanceId: 'i-00000001',
    creator: 'tester',
    vserverType: 'small',
    diskImageId: 'img-1',
    productIds: [],
    createTime: '2026-01-01T00:00:00Z',
    userData: Buffer.from('#!/bin/sh\necho hello\n'),
    vendorData: Buffer.alloc(0),
    sshKeys: ['ssh-ed25519 AAAA alice@example.org', 'ssh-ed25519 BBBB'],
    variables: { ROLE: 'web' },
    nics: [nicOf()],
    allowImdsV1: true,
    ...changes,
  };
}

export interface TestDirectory extends GuestDirectory {
  guests: GuestFacts[];
  passwords: Map<string, { text: string; how: string }>;
}

/** Looks guests up among `guests`, which a test may change at any time. */
export function directoryOf(...guests: GuestFacts[]): TestDirectory {
  const passwords: TestDirectory['passwords'] = new Map();
  const find = (vnetId: string, matches: (nic: GuestNic) => boolean) => {
    for (const facts of directory.guests) {
      const nic = facts.nics.find((each) => each.vnetId === vnetId && matches(each));
      if (nic) return { facts, nic };
    }
    return undefined;
  };
  const directory: TestDirectory = {
    guests,
    passwords,
    byMac: (vnetId, mac) => find(vnetId, (nic) => nic.mac === mac),
    byAddress: (vnetId, address) =>
      find(vnetId, (nic) => nic.ipv4?.address === address || nic.ipv6?.address === address),
    storeInitialPassword: async (vserverId, password, how) => {
      if (passwords.has(vserverId)) return 'already';
      passwords.set(vserverId, { text: Buffer.from(password).toString(), how });
      return 'stored';
    },
    encryptedPassword: (vserverId) => {
      const stored = passwords.get(vserverId);
      return stored?.how === 'encrypted' ? stored.text : undefined;
    },
  };
  return directory;
}

export const silentLog = { debug() {}, info() {}, warn() {}, error() {} };
