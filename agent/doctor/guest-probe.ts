// Short-lived child inside a VNet's namespace: asks its DHCP and metadata services as a guest would, and says what it saw.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';

const METADATA = '169.254.169.254';
const PATIENCE_MS = 3000;

/** A DHCPDISCOVER (RFC 2131) of a MAC that no VNIC has: it is counted, and answered by silence. */
function discover(mac: number[]): Buffer {
  const packet = Buffer.alloc(300);
  packet.set([1, 1, 6, 0]);
  packet.writeUInt32BE(0x69_6b_64_72, 4);
  packet.set(mac, 28);
  packet.writeUInt32BE(0x63_82_53_63, 236);
  packet.set([53, 1, 1, 255], 240);
  return packet;
}

/** True once the packet has left; whether it was counted is told by the agent. */
function sendDiscover(gateway: string, mac: number[]): Promise<boolean> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.on('error', () => resolve(false));
    socket.send(discover(mac), 67, gateway, (error) => {
      socket.close();
      resolve(!error);
    });
  });
}

/** How the metadata service takes a connection: with an answer, by hanging up on a stranger, or not at all. */
function askMetadata(): Promise<'answered' | 'hung up' | 'refused' | 'silent'> {
  return new Promise((resolve) => {
    const socket = connect({ host: METADATA, port: 80 });
    let open = false;
    socket.setTimeout(PATIENCE_MS, () => {
      socket.destroy();
      resolve('silent');
    });
    socket.once('connect', () => {
      open = true;
      socket.write(`GET / HTTP/1.1\r\nHost: ${METADATA}\r\nConnection: close\r\n\r\n`);
    });
    socket.once('data', () => {
      socket.destroy();
      resolve('answered');
    });
    socket.once('error', () => resolve(open ? 'hung up' : 'refused'));
    socket.once('close', () => resolve('hung up'));
  });
}

const [gateway = '', mac = ''] = process.argv.slice(2);
const addresses = Object.values(networkInterfaces()).flatMap((all) =>
  (all ?? []).map(({ address }) => address),
);
const [dhcp, metadata] = await Promise.all([
  sendDiscover(
    gateway,
    mac.split(':').map((octet) => Number.parseInt(octet, 16)),
  ),
  askMetadata(),
]);
process.stdout.write(`${JSON.stringify({ address: addresses.includes(METADATA), dhcp, metadata })}\n`);
