// VNets and VNICs come and go without a trace, survive being half-made, and are restored in few processes.
import { writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { removeFrameText } from '../../agent/network/bridge-table.ts';
import {
  HostNetwork,
  type Run,
  type VNetPlan,
  type VNicPlan,
  vnetNames,
  vnicNames,
} from '../../agent/network/mod.ts';
import { run } from '../../agent/network/run.ts';
import {
  addStation,
  removeStations,
  succeeds,
  traces,
  uniquePrefix,
  vnetPlan,
} from '../helpers/network-lab.ts';

const prefix = uniquePrefix();
const vnet = vnetPlan(prefix, 'vnet-00000001');
const { uplink } = vnetNames(prefix, vnet.id);
const names = vnicNames(prefix, 'vnic-0000000a');
const vnic: VNicPlan = {
  id: 'vnic-0000000a',
  device: names.device,
  mac: names.mac,
  bridge: vnet.bridge,
  ipv4: '10.0.0.10',
  ipv6: 'fd00:1::10',
};
const guest = {
  namespace: `${prefix}g-1`,
  port: names.device,
  mac: names.mac,
  ipv4: '10.0.0.10',
  ipv6: 'fd00:1::10',
};

/** A runner that notes what it runs, and fails instead of running the command numbered `failing` or any later one. */
function noting(failing = -1): { run: Run; commands: string[] } {
  const commands: string[] = [];
  return {
    commands,
    run: async (command, args, input) => {
      commands.push([command, ...args].join(' '));
      if (failing >= 0 && commands.length > failing) throw new Error('the agent died here');
      return run(command, args, input);
    },
  };
}

const network = new HostNetwork({ prefix });

async function removeAll(): Promise<void> {
  await network.removeVNic(vnic.device);
  await network.removeVNet(vnet);
}

/** Removes all of it and compares with a host that never had it. */
async function leavesNothing(t: Test): Promise<void> {
  await removeAll();
  t.same(await traces(prefix), [], 'nothing is left over');
}

t.teardown(removeAll);

/** A guest on the VNet can reach the gateway, over both protocols. */
async function works(): Promise<boolean> {
  await addStation(vnet.bridge, guest);
  try {
    const ping = ['ping', '-n', '-c', '1', '-W', '3'];
    return (
      (await succeeds(guest.namespace, ...ping, '10.0.0.1')) &&
      (await succeeds(guest.namespace, ...ping, 'fd00:1::1'))
    );
  } finally {
    await removeStations([guest]);
  }
}

t.test('everything may be asked for twice, and removed twice', async (t) => {
  for (let time = 0; time < 2; time += 1) {
    await network.ensureVNet(vnet);
    await network.ensureVNic(vnic);
  }
  t.ok(await works());
  const seen = await network.observe();
  t.same(seen.vnets, [{ id: vnet.id, complete: true }]);
  t.same(seen.ruled, [vnic.device, vnet.hostVeth].sort());
  await removeAll();
  await leavesNothing(t);
});

t.test('a new agent removes what an earlier one has made, knowing only the ids', async (t) => {
  await network.ensureVNet(vnet);
  await network.ensureVNic(vnic);
  const successor = new HostNetwork({ prefix });
  t.same((await successor.observe()).ruled.length, 2);
  await successor.removeVNic(vnic.id);
  await successor.removeVNet(vnet.id);
});

t.test('the agent may die before any command: asking again completes the VNet', async (t) => {
  const { commands, run: counted } = noting();
  await new HostNetwork({ prefix, run: counted }).ensureVNet(vnet);
  await removeAll();
  for (const [at, command] of commands.entries()) {
    await t.rejects(new HostNetwork({ prefix, run: noting(at).run }).ensureVNet(vnet), { message: /died/ });
    await new HostNetwork({ prefix }).ensureVNet(vnet);
    t.same((await network.observe()).vnets, [{ id: vnet.id, complete: true }], `died before ${command}`);
    await leavesNothing(t);
  }
  t.ok(commands.length >= 4);
});

t.test('half-made parts of every kind are completed', async (t) => {
  const { bridge, hostVeth, namespace } = vnet;
  const states: Record<string, () => Promise<unknown>> = {
    'only the bridge': () => run('ip', ['link', 'add', 'name', bridge, 'type', 'bridge']),
    'only the namespace': () => run('ip', ['netns', 'add', namespace]),
    'the file of a namespace that was never mounted': () => writeFile(`/run/netns/${namespace}`, ''),
    'a veth pair whose other end is still on the host': () =>
      run('ip', ['link', 'add', hostVeth, 'type', 'veth', 'peer', 'name', `${prefix}p`]),
    'a namespace without its devices': async () => {
      await network.ensureVNet(vnet);
      await run('ip', ['netns', 'del', namespace]);
    },
    'a namespace that somebody replaced': async () => {
      await network.ensureVNet(vnet);
      await run('ip', ['netns', 'del', namespace]);
      await run('ip', ['netns', 'add', namespace]);
    },
    'rules flushed by somebody': async () => {
      await network.ensureVNet(vnet);
      await network.ensureVNic(vnic);
      await run('nft', ['delete', 'table', 'bridge', prefix]);
    },
  };
  for (const [name, make] of Object.entries(states)) {
    await make();
    await network.ensureVNet(vnet);
    await network.ensureVNic(vnic);
    t.same((await network.observe()).vnets, [{ id: vnet.id, complete: true }], name);
    t.ok(await works(), `and works: ${name}`);
    await leavesNothing(t);
  }
});

t.test('an unmounted namespace file alone is removed with the VNet', async (t) => {
  await writeFile(`/run/netns/${vnet.namespace}`, '');
  await leavesNothing(t);
});

t.test('the gateway keeps its MAC when everything is made anew', async (t) => {
  const mac = async (): Promise<string> =>
    (await run('ip', ['netns', 'exec', vnet.namespace, 'cat', '/sys/class/net/vnet0/address'])).trim();
  await network.ensureVNet(vnet);
  const before = await mac();
  await removeAll();
  await network.ensureVNet(vnet);
  t.equal(await mac(), before);
  await leavesNothing(t);
});

t.test('the namespace forwards nothing, and the bridge has no address of the host', async (t) => {
  await network.ensureVNet(vnet);
  const inside = (path: string): Promise<string> => run('ip', ['netns', 'exec', vnet.namespace, 'cat', path]);
  t.equal((await inside('/proc/sys/net/ipv4/ip_forward')).trim(), '0');
  const addresses = JSON.parse(await run('ip', ['-j', 'address', 'show', 'dev', vnet.bridge]));
  t.same(addresses[0].addr_info, []);
  await leavesNothing(t);
});

t.test('a VXLAN follows its list of peers', async (t) => {
  const port = 40_000 + (process.pid % 20_000);
  const plan = (peers: string[]): VNetPlan => ({
    ...vnet,
    mtu: 1400,
    transport: { type: 'vxlan', vni: 1 + (process.pid % 16_000_000), local: '127.0.0.1', peers, port },
  });
  const peers = async (): Promise<string[]> => {
    const rows: { mac: string; dst?: string }[] = JSON.parse(
      await run('bridge', ['-j', 'fdb', 'show', 'dev', uplink]),
    );
    return rows.flatMap(({ mac, dst }) => (mac === '00:00:00:00:00:00' && dst ? [dst] : [])).sort();
  };
  await network.ensureVNet(plan(['127.0.0.2', '127.0.0.3']));
  t.same(await peers(), ['127.0.0.2', '127.0.0.3']);
  await network.ensureVNet(plan(['127.0.0.3', '127.0.0.4']));
  t.same(await peers(), ['127.0.0.3', '127.0.0.4']);
  t.same((await network.observe()).uplinks, [uplink]);
  await leavesNothing(t);
});

t.test('a VXLAN joins guests of two hosts, and each keeps its own gateway', async (t) => {
  const near = `198.18.${process.pid % 256}.1`;
  const far = `198.18.${process.pid % 256}.2`;
  const other = `${prefix}g-host2`;
  const port = 40_000 + (process.pid % 20_000);
  const transport: VNetPlan['transport'] = { type: 'vxlan', vni: 77, local: near, peers: [far], port };
  t.teardown(() => removeStations([{ namespace: other, port: `${prefix}e`, mac: '' }]));
  const pair = `link add name ${prefix}e type veth peer name eth0 netns ${other}`;
  const up = [
    `netns add ${other}`,
    pair,
    `address add ${near}/30 dev ${prefix}e`,
    `link set dev ${prefix}e up`,
  ];
  await run('ip', ['-batch', '-'], `${up.join('\n')}\n`);
  // The other host, made by hand: a VTEP with an address of the VNet stands for a guest there.
  const vtep = `link add name vtep type vxlan id 77 local ${far} remote ${near} dstport ${port}`;
  const there = [
    `address add ${far}/30 dev eth0`,
    'link set dev eth0 up',
    vtep,
    'address add 10.0.0.20/24 dev vtep',
  ];
  await run(
    'ip',
    ['-n', other, '-batch', '-'],
    `${[...there, 'link set dev vtep mtu 1400 up'].join('\n')}\n`,
  );
  await network.ensureVNet({ ...vnet, mtu: 1400, transport });
  await network.ensureVNic(vnic);
  await addStation(vnet.bridge, guest);
  t.teardown(() => removeStations([guest]));
  const ping = (namespace: string, address: string): Promise<boolean> =>
    succeeds(namespace, 'ping', '-n', '-c', '1', '-W', '2', address);
  t.ok(await ping(guest.namespace, '10.0.0.20'), 'a guest reaches one on the other host');
  t.ok(await ping(other, '10.0.0.10'), 'and is reached');
  t.ok(await ping(guest.namespace, '10.0.0.1'), 'it has its gateway');
  t.notOk(await ping(other, '10.0.0.1'), 'which does not answer for guests of another host');
  await removeStations([guest, { namespace: other, port: `${prefix}e`, mac: '' }]);
  await leavesNothing(t);
});

t.test('a failing command is an error with its own words in it', async (t) => {
  const twice = { ...vnet, transport: { type: 'vlan', device: `${prefix}none`, id: 5 } } as const;
  await t.rejects(network.ensureVNet(twice), {
    name: 'InnkeeperError',
    code: 'internal',
    message: /Cannot find device/,
  });
  await leavesNothing(t);
});

t.test('a host full of VNets is restored in few processes', async (t) => {
  const count = 100;
  const id = (at: number): string => at.toString(16).padStart(8, '0');
  const vnets = Array.from({ length: count }, (_, at) => vnetPlan(prefix, `vnet-${id(at + 256)}`));
  const vnics = vnets.map((plan, at) => ({
    ...vnic,
    ...vnicNames(prefix, `vnic-${id(at)}`),
    id: `vnic-${id(at)}`,
    bridge: plan.bridge,
  }));
  t.teardown(() => removeMany());
  // All at once: taking a hundred VNets apart one by one is as slow as the kernel is with namespaces.
  const removeMany = async (): Promise<void> => {
    const { hostVeths, bridges, namespaces } = await network.observe();
    const links = [...hostVeths, ...bridges].map((name) => `link del dev ${name}`);
    const lines = [...links, ...namespaces.map((name) => `netns delete ${name}`)];
    await run('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
    await run('nft', ['-f', '-'], removeFrameText(prefix));
  };
  const cold = noting();
  let start = performance.now();
  await new HostNetwork({ prefix, run: cold.run }).restore(vnets, vnics);
  t.comment(`cold: ${cold.commands.length} processes, ${Math.round(performance.now() - start)} ms`);
  t.equal(cold.commands.length, count + 3, 'one process for each namespace, three for all the rest');
  const seen = await network.observe();
  t.equal(seen.vnets.filter((one) => one.complete).length, count);
  t.equal(seen.ruled.length, 2 * count);
  const warm = noting();
  start = performance.now();
  await new HostNetwork({ prefix, run: warm.run }).restore(vnets, vnics);
  t.comment(`warm: ${warm.commands.length} processes, ${Math.round(performance.now() - start)} ms`);
  t.same(
    warm.commands,
    ['ip -j link show', 'nft -f -', 'ip -batch -'],
    'an agent that only restarts does little',
  );
  start = performance.now();
  await removeMany();
  t.same(await traces(prefix), [], 'nothing is left over');
  t.comment(`removed in ${Math.round(performance.now() - start)} ms`);
});
