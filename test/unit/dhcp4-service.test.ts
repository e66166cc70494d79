// The DHCPv4 service around the responder: limits, counters, and that one fault stays one fault.
import type dgram from 'node:dgram';
import { EventEmitter } from 'node:events';
import t from 'tap';
import { Dhcp4Service } from '../../metadata-server/dhcp4/service.ts';
import { DEFAULT_LIMITS, type GuestDirectory, type Limits } from '../../metadata-server/mod.ts';
import { dhcpMessage } from '../helpers/dhcp-packets.ts';
import { directoryOf, factsOf, silentLog } from '../helpers/guest-facts.ts';

const network = {
  vnetId: 'vnet-a',
  namespace: 'none',
  device: 'vnet0',
  ipv4: { address: '10.0.0.1', prefixLength: 24 },
  mtu: 1400,
  leaseSeconds: 3600,
};
const discover = (mac = '52:54:5e:00:00:01') => dhcpMessage({ mac }, [[53, [1]]]);

function serve(limits: Partial<Limits> = {}, directory: GuestDirectory = directoryOf(factsOf())) {
  const sent: { port: number; address: string }[] = [];
  const errors: string[] = [];
  let failure: Error | null = null;
  const socket = Object.assign(new EventEmitter(), {
    send: (_data: Buffer, port: number, address: string, done: (error: Error | null) => void) => {
      sent.push({ port, address });
      done(failure);
    },
    close() {},
  });
  const log = { ...silentLog, error: (_details: object, message: string) => errors.push(message) };
  const service = new Dhcp4Service(network, directory, log, { ...DEFAULT_LIMITS, ...limits });
  service.serve(socket as unknown as dgram.Socket);
  const receive = (data: Buffer) => socket.emit('message', data, { address: '0.0.0.0' });
  const failWith = (error: Error | null) => {
    failure = error;
  };
  return { service, sent, errors, receive, failWith };
}

t.test('answers go to port 68 and are counted, for the VNet and for the MAC', async (t) => {
  const { service, sent, receive } = serve();
  receive(discover());
  receive(discover('52:54:5e:00:00:99'));
  receive(Buffer.from('rubbish'));
  t.same(sent, [{ port: 68, address: '255.255.255.255' }]);
  t.match(service.counts, { discover: 2, offer: 1, unknown: 1, malformed: 1 });
  t.match(service.clients, [
    { mac: '52:54:5e:00:00:01', counts: { discover: 1, offer: 1 } },
    { mac: '52:54:5e:00:00:99', counts: { unknown: 1, offer: 0 } },
  ]);
});

t.test('a MAC that floods is answered no more, its neighbour is', async (t) => {
  const neighbour = factsOf();
  neighbour.nics = neighbour.nics.map((nic) => ({ ...nic, mac: '52:54:5e:00:00:02' }));
  const { service, sent, receive } = serve(
    { dhcpBurst: 3, dhcpPerSecond: 0 },
    directoryOf(factsOf(), neighbour),
  );
  for (let i = 0; i < 10; i++) receive(discover());
  t.equal(sent.length, 3);
  t.equal(service.counts.rateLimited, 7);
  receive(discover('52:54:5e:00:00:02'));
  t.equal(sent.length, 4);
});

t.test('invented MACs do not fill the memory', async (t) => {
  const { service, receive } = serve({ dhcpClients: 50 });
  for (let i = 0; i < 1000; i++)
    receive(
      discover(
        `02:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`,
      ),
    );
  t.equal(service.clients.length, 50);
  t.equal(service.clients.at(-1)?.mac, '02:00:00:00:03:e7', 'the last ones are remembered');
});

t.test('a fault in answering one message does not stop the next', async (t) => {
  const directory = directoryOf(factsOf());
  const { sent, errors, receive } = serve(
    {},
    {
      ...directory,
      byMac: (vnetId, mac) => {
        if (mac.endsWith('99')) throw new Error('bad facts');
        return directory.byMac(vnetId, mac);
      },
    },
  );
  receive(discover('52:54:5e:00:00:99'));
  receive(discover());
  t.same(errors, ['a DHCP message could not be answered']);
  t.equal(sent.length, 1);
});

t.test('answers that cannot be sent are counted each and logged once', async (t) => {
  const { service, errors, receive, failWith } = serve();
  failWith(new Error('ENETUNREACH'));
  for (let i = 0; i < 5; i++) receive(discover());
  t.equal(service.counts.sendFailed, 5);
  t.same(errors, ['a DHCP answer could not be sent']);
});
