// Facts about one guest with two NICs, from which the tests of contextualization start.
import type { GuestFacts } from '../../contextualization/guest-facts.ts';

/** Fresh facts, changed as asked. */
export function facts(change: Partial<GuestFacts> = {}): GuestFacts {
  return {
    vserverId: 'vs-1',
    name: 'demo',
    hostname: 'demo.example.org',
    uuid: '0a6d4e3c-1111-4222-8333-000000000001',
    instanceId: 'i-1',
    creator: 'alice',
    vserverType: 'small',
    diskImageId: 'img-1',
    productIds: [],
    createTime: '2026-01-02T03:04:05Z',
    userData: Buffer.from('#!/bin/sh\necho hi\n'),
    vendorData: new Uint8Array(),
    sshKeys: ['ssh-ed25519 AAAA alice@a', 'ssh-rsa BBBB alice@b'],
    variables: {},
    nics: [
      {
        vnicId: 'vn-1',
        vnetId: 'net-1',
        vnetName: 'lan one',
        position: 0,
        mac: '52:54:00:00:00:01',
        mtu: 1450,
        ipv4: { address: '10.0.0.5', prefixLength: 24, gateway: '10.0.0.1' },
        ipv6: { address: 'fd00::5', prefixLength: 64, gateway: 'fe80::1' },
        dnsServers: ['10.0.0.1', 'fd00::1'],
        searchDomains: ['example.org'],
        ntpServers: [],
      },
      {
        vnicId: 'vn-2',
        vnetId: 'net-2',
        vnetName: 'back',
        position: 1,
        mac: '52:54:00:00:00:02',
        mtu: 1500,
        ipv4: { address: '10.1.1.5', prefixLength: 22, gateway: '10.1.0.1' },
        dnsServers: [],
        searchDomains: [],
        ntpServers: [],
      },
    ],
    allowImdsV1: true,
    ...change,
  };
}

/** Pseudo-random numbers in [0, 1) from a seed (mulberry32), so that a failing case can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
