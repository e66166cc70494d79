// The protocol document and the code tell the same story.
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { RPC_FAULT, RPC_NUMBER } from '../../agent/control-plane/json-rpc.ts';
import { protocolSchema } from '../../agent/control-plane/schema.ts';

const docs = new URL('../../docs/', import.meta.url);

t.test('the schemas in docs are those that the code checks by (else: npm run schema)', async (t) => {
  const kept = JSON.parse(await readFile(new URL('control-plane-protocol.schema.json', docs), 'utf8'));
  t.same(kept, protocolSchema());
});

t.test('every error number stands in the document, with its code, and no other does', async (t) => {
  const text = await readFile(new URL('control-plane-protocol.md', docs), 'utf8');
  const rows = [...text.matchAll(/^\| (-32\d{3}) +\| `([\w-]+)` +\|/gm)].map(
    ([, number, code]) => `${number} ${code}`,
  );
  const own = Object.entries(RPC_NUMBER).map(([code, number]) => `${number} ${code}`);
  const faults = [
    `${RPC_FAULT.unparsable} invalid`,
    `${RPC_FAULT.badRequest} invalid`,
    `${RPC_FAULT.unknownMethod} not-found`,
  ];
  t.same(rows.sort(), [...own, ...faults].sort());
});
