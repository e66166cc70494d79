// The QMP line parser and message reader: any split gives the same lines, and nothing hostile gets through.
import t from 'tap';
import { QmpProtocolError } from '../../drivers/qmp/errors.ts';
import { LineSplitter } from '../../drivers/qmp/lines.ts';
import { parseMessage } from '../../drivers/qmp/messages.ts';

const CONVERSATION =
  '{"QMP":{"version":{"qemu":{"micro":22,"minor":2,"major":7},"package":""},"capabilities":["oob"]}}\r\n' +
  '{"return":{"name":"Gästehaus €"},"id":"a-1"}\r\n\r\n' +
  '{"timestamp":{"seconds":1,"microseconds":500000},"event":"STOP"}\n';

t.test('every way to split a conversation into two chunks gives the same lines', async (t) => {
  const bytes = Buffer.from(CONVERSATION);
  const whole = new LineSplitter().push(bytes);
  t.equal(whole.length, 3);
  for (let at = 0; at <= bytes.length; at++) {
    const splitter = new LineSplitter();
    const lines = [...splitter.push(bytes.subarray(0, at)), ...splitter.push(bytes.subarray(at))];
    t.same(lines, whole, `split at ${at}`);
  }
});

t.test('single bytes give the same lines too, also inside a multi-byte character', async (t) => {
  const splitter = new LineSplitter();
  const lines = [...Buffer.from(CONVERSATION)].flatMap((byte) => splitter.push(Buffer.from([byte])));
  t.same(lines, new LineSplitter().push(Buffer.from(CONVERSATION)));
  t.match(lines[1], /Gästehaus €/);
});

t.test('a line that never ends is refused at the limit', async (t) => {
  const splitter = new LineSplitter(100);
  splitter.push(Buffer.alloc(100, 'x'));
  t.throws(() => splitter.push(Buffer.from('x')), QmpProtocolError);
});

t.test('messages become what they are', async (t) => {
  const [greeting, answer, event] = new LineSplitter().push(Buffer.from(CONVERSATION)).map(parseMessage);
  t.same(greeting, { type: 'greeting', version: '7.2.22', capabilities: ['oob'] });
  t.same(answer, { type: 'return', id: 'a-1', value: { name: 'Gästehaus €' } });
  t.same(event, { type: 'event', event: 'STOP', data: {}, timeMs: 1500 });
  t.same(parseMessage('{"error":{"class":"GenericError","desc":"no"},"id":"x"}'), {
    type: 'error',
    id: 'x',
    errorClass: 'GenericError',
    description: 'no',
  });
});

t.test('anything else is a named error', async (t) => {
  for (const line of ['nonsense', '[]', '1', 'null', '{}', '{"QMP":1}', '{"return":1}', '{"error":7}']) {
    t.throws(() => parseMessage(line), QmpProtocolError, line);
  }
});
