// The JSON schemas of innkeeper.v1; `npm run schema` writes them to docs/control-plane-protocol.schema.json.
import { StoredEvent } from '../inventory/outbox.ts';
import { OperationRecord } from '../operations/journal.ts';
import { ERROR_CODES } from '../resources/errors.ts';
import { RPC_NUMBER, RpcRequest, RpcResponse } from './json-rpc.ts';
import { Acknowledge, Hello, HelloAnswer, Samples, SUBPROTOCOL } from './protocol.ts';

/** All of it as one JSON Schema 2020-12 document; the agent's own methods are told by `rpc.discover`. */
export function protocolSchema(): Record<string, unknown> {
  const document = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: SUBPROTOCOL,
    $defs: {
      Request: RpcRequest,
      Response: RpcResponse,
      Hello,
      HelloAnswer,
      Acknowledge,
      Event: StoredEvent,
      Operation: OperationRecord,
      Samples,
      Error: {
        type: 'object',
        required: ['code', 'message', 'ids'],
        properties: {
          code: { enum: Object.keys(ERROR_CODES) },
          message: { type: 'string' },
          ids: { type: 'object', additionalProperties: { type: 'string' } },
        },
      },
      ErrorNumber: { enum: Object.values(RPC_NUMBER).concat(-32700, -32600, -32601) },
    },
  };
  // By way of text: TypeBox keeps its own notes on a schema under symbols.
  return JSON.parse(JSON.stringify(document));
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(protocolSchema(), null, 2)}\n`);
