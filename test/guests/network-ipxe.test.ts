// A machine without a disk boots from the network: iPXE, which is in every virtual NIC, gets its address from us.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { GATEWAY_DEVICE, HostNetwork, vnicNames } from '../../agent/network/mod.ts';
import { MetadataServer } from '../../metadata-server/mod.ts';
import { eventually } from '../helpers/agent-guest.ts';
import { directoryOf, factsOf, nicOf, silentLog } from '../helpers/guest-facts.ts';
import { capture, uniquePrefix, vnetPlan } from '../helpers/network-lab.ts';
import { sh } from '../helpers/wires.ts';

const BOOT_FILE = 'ik-boot-file.kpxe';

/** Resolves when something from the guest names the boot file; what the server sends itself is not looked at. */
async function askedForBootFile(namespace: string, giveUp: AbortSignal): Promise<boolean> {
  const name = Buffer.from(BOOT_FILE);
  while (!giveUp.aborted) {
    const { frames } = await capture(namespace, GATEWAY_DEVICE, name);
    if ((await frames).some((frame) => frame.includes(name))) return true;
  }
  return false;
}

t.test('iPXE takes its address, at power-on and at every reset', async (t) => {
  const prefix = uniquePrefix();
  const vnet = vnetPlan(prefix, 'vnet-00001b0e');
  const { device, mac } = vnicNames(prefix, 'vnic-00001b0e');
  const network = new HostNetwork({ prefix });
  const nic = nicOf({
    vnetId: vnet.id,
    mac,
    ipv4: { address: '10.0.0.7', prefixLength: 24, gateway: '10.0.0.1' },
  });
  const server = new MetadataServer({ directory: directoryOf(factsOf({ nics: [nic] })), log: silentLog });
  t.teardown(async () => {
    await server.close();
    await sh('ip', 'link', 'delete', device).catch(() => {});
    await network.removeVNic(device);
    await network.removeVNet(vnet);
  });
  await network.ensureVNet(vnet);
  await network.ensureVNic({ id: 'vnic-00001b0e', device, mac, bridge: vnet.bridge, ipv4: '10.0.0.7' });
  await server.add({
    vnetId: vnet.id,
    namespace: vnet.namespace,
    device: GATEWAY_DEVICE,
    ipv4: { address: '10.0.0.1', prefixLength: 24 },
    mtu: 1500,
    leaseSeconds: 3600,
    pxe: { server: '10.0.0.1', file: BOOT_FILE },
  });
  await sh('ip', 'tuntap', 'add', 'dev', device, 'mode', 'tap');
  await sh('ip', 'link', 'set', device, 'master', vnet.bridge, 'addrgenmode', 'none', 'up');

  const giveUp = new AbortController();
  const limit = setTimeout(() => giveUp.abort(), 120_000);
  t.teardown(() => clearTimeout(limit));
  const asked = askedForBootFile(vnet.namespace, giveUp.signal);
  const machine = spawn(
    'qemu-system-x86_64',
    [
      ...['-machine', 'pc,accel=tcg', '-m', '64', '-nodefaults', '-nographic', '-boot', 'n', '-qmp', 'stdio'],
      ...['-netdev', `tap,id=n,ifname=${device},script=no,downscript=no`],
      ...['-device', `virtio-net-pci,netdev=n,mac=${mac}`],
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const stream of [machine.stdout, machine.stderr]) stream.on('data', (text) => (said += text));
  t.teardown(async () => {
    const gone = machine.exitCode === null ? once(machine, 'exit') : undefined;
    machine.kill('SIGKILL');
    await gone;
  });
  const counts = () => server.counters(vnet.id)!.dhcp4Clients.find((one) => one.mac === mac)?.counts;
  await eventually(`a lease at power-on: ${said}`, async () => (counts()?.ack ?? 0) >= 1);
  t.match(counts(), { nak: 0, unknown: 0, sendFailed: 0 });
  t.ok(await asked, 'and asks by TFTP for the file it was told of');
  const before = counts()!.ack;
  machine.stdin.write('{"execute":"qmp_capabilities"}\n{"execute":"system_reset"}\n');
  await eventually(`a lease after a reset: ${said}`, async () => counts()!.ack > before);
  t.match(counts(), { nak: 0, unknown: 0, sendFailed: 0 });
  t.comment(JSON.stringify(counts()));
});
