// The least a DHCP server in Node does: one socket, one answer of the usual size, no look-up and no options read but one.
const dgram = require('node:dgram');

const SERVER_PORT = 67;
const REPLY_BYTES = 327;
const MESSAGE_TYPE_VALUE = 242;
const DISCOVER = 1;

// perfdhcp's first option is the message type. The answer goes to the relay that it plays.
const socket = dgram.createSocket({
  type: 'udp4',
  lookup: (address, _options, done) => done(null, address, 4),
});
const tail = Buffer.from([
  ...[0x63, 0x82, 0x53, 0x63, 53, 1, 0, 54, 4, 10, 99, 0, 1, 51, 4, 0, 0, 14, 16, 1, 4, 255, 255, 0, 0],
  ...[3, 4, 10, 99, 0, 1, 255],
]);
socket.on('message', (data, { address }) => {
  const reply = Buffer.alloc(REPLY_BYTES);
  data.copy(reply, 0, 0, 44);
  reply[0] = 2;
  reply[16] = 10;
  reply[17] = 99;
  reply[18] = 1 + data[32];
  reply[19] = data[33];
  reply.set(tail, 236);
  reply[MESSAGE_TYPE_VALUE] = data[MESSAGE_TYPE_VALUE] === DISCOVER ? 2 : 5;
  socket.send(reply, SERVER_PORT, address);
});
socket.bind(SERVER_PORT);
