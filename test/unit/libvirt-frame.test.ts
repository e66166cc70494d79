// Framing: any split of the byte stream gives the same messages, garbage gives a named error.
import t from 'tap';
import { ProtocolError } from '../../drivers/libvirt/errors.ts';
import {
  encodeFrame,
  encodeStreamFrame,
  type Frame,
  FrameSplitter,
  HEADER_BYTES,
  PROGRAMS,
} from '../../drivers/libvirt/rpc/frame.ts';

const HEADER = { program: PROGRAMS.remote, version: 1, procedure: 7, type: 0, serial: 42, status: 0 };

const STREAM = Buffer.concat([
  encodeFrame(HEADER),
  encodeFrame({ ...HEADER, serial: 43 }, (out) => out.opaque(Buffer.alloc(40, 1))),
  encodeStreamFrame({ ...HEADER, type: 3, status: 2 }, Buffer.from('odd')),
]);

function summary(frames: Frame[]): unknown {
  return frames.map((frame) => [frame.serial, frame.type, frame.body.toString('hex')]);
}

t.test('the header is laid out as libvirt’s protocol document says', async (t) => {
  t.equal(
    encodeFrame(HEADER).toString('hex'),
    '0000001c2000808600000001000000070000000000' + '00002a00000000',
  );
});

t.test('stream data are not padded', async (t) => {
  t.equal(encodeStreamFrame(HEADER, Buffer.from('odd')).length, HEADER_BYTES + 3);
});

t.test('every split into two or into single bytes gives the same messages', async (t) => {
  const whole = summary(new FrameSplitter().push(STREAM));
  t.equal((whole as unknown[]).length, 3);
  for (let at = 0; at <= STREAM.length; at++) {
    const splitter = new FrameSplitter();
    const frames = [...splitter.push(STREAM.subarray(0, at)), ...splitter.push(STREAM.subarray(at))];
    t.same(summary(frames), whole, `split at ${at}`);
  }
  const splitter = new FrameSplitter();
  t.same(summary([...STREAM].flatMap((byte) => splitter.push(Buffer.from([byte])))), whole);
});

t.test('a length that no message can have is refused as soon as it is known', async (t) => {
  for (const length of [0, 27, 33_554_437, 0xffffffff]) {
    const word = Buffer.alloc(4);
    word.writeUInt32BE(length);
    t.throws(() => new FrameSplitter().push(word), ProtocolError, `${length}`);
  }
  t.throws(() => new FrameSplitter().push(Buffer.from('HTTP/1.1 400 Bad Request\r\n')), ProtocolError);
});
