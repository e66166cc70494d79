// JSON-RPC 2.0 on the wire (https://www.jsonrpc.org/specification): shapes, parsing, and our errors as theirs.
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { ErrorCode } from '../resources/errors.ts';
import { InnkeeperError } from '../resources/errors.ts';

/** Ids are the sender's business; they are given back as they came. */
export const RpcId = Type.Union([Type.String({ maxLength: 256 }), Type.Number(), Type.Null()]);
export type RpcId = Static<typeof RpcId>;

/** A request, or without `id` a notification. Parameters are always by name. */
export const RpcRequest = Type.Object({
  jsonrpc: Type.Literal('2.0'),
  id: Type.Optional(RpcId),
  method: Type.String({ maxLength: 256 }),
  params: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});
export type RpcRequest = Static<typeof RpcRequest>;

/** The error member of an answer; `data` is the one error of the product, if the sender speaks it. */
export const RpcErrorBody = Type.Object({
  code: Type.Integer(),
  message: Type.String(),
  data: Type.Optional(Type.Unknown()),
});
export type RpcErrorBody = Static<typeof RpcErrorBody>;

/** An answer: a result or an error. */
export const RpcResponse = Type.Object({
  jsonrpc: Type.Literal('2.0'),
  id: RpcId,
  result: Type.Optional(Type.Unknown()),
  error: Type.Optional(RpcErrorBody),
});
export type RpcResponse = Static<typeof RpcResponse>;

/** Numbers of JSON-RPC's own faults (section 5.1 of its specification). */
export const RPC_FAULT = { unparsable: -32700, badRequest: -32600, unknownMethod: -32601 } as const;

/** The number that stands for each code: its own where JSON-RPC has one, else one of the range left to us. */
export const RPC_NUMBER: Record<ErrorCode, number> = {
  invalid: -32602,
  internal: -32603,
  'not-found': -32001,
  'wrong-state': -32002,
  'no-capacity': -32003,
  conflict: -32004,
  unsupported: -32005,
  forbidden: -32006,
  cancelled: -32007,
  hypervisor: -32008,
};

/** A message that cannot be carried out because it is no message; answered, with the id if it had one. */
export class RpcFault extends Error {
  override readonly name = 'RpcFault';
  readonly number: number;
  readonly id: RpcId;

  constructor(number: number, message: string, id: RpcId = null) {
    super(message);
    this.number = number;
    this.id = id;
  }
}

export type RpcMessage =
  | { kind: 'request'; request: RpcRequest }
  | { kind: 'response'; response: RpcResponse };

/**
 * Reads one message.
 * @throws RpcFault for text that is not JSON, not JSON-RPC 2.0, a batch, or has parameters by position
 */
export function parseMessage(text: string): RpcMessage {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (error) {
    throw new RpcFault(RPC_FAULT.unparsable, `Not JSON: ${(error as Error).message}`);
  }
  if (Array.isArray(message))
    throw new RpcFault(RPC_FAULT.badRequest, 'Batches are not taken: send messages one by one.');
  // Answers first: one that we cannot use must never be answered in turn, or two peers would argue for ever.
  if (isObject(message) && !('method' in message) && ('result' in message || 'error' in message)) {
    return { kind: 'response', response: message as RpcResponse };
  }
  if (Value.Check(RpcRequest, message)) return { kind: 'request', request: message };
  const first = Value.Errors(RpcRequest, message).First();
  const id = isObject(message) && Value.Check(RpcId, message.id) ? message.id : null;
  throw new RpcFault(
    RPC_FAULT.badRequest,
    `Not a JSON-RPC 2.0 request: ${first?.path} ${first?.message}`,
    id,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** An answer that refuses. */
export function errorMessage(id: RpcId, number: number, error: InnkeeperError): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    error: { code: number, message: error.message, data: error.toJSON() },
  });
}

/** An answer that gives. */
export function resultMessage(id: RpcId, result: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result: result ?? null });
}

/** The answer to a message that was none. */
export function faultMessage(fault: RpcFault): string {
  return errorMessage(fault.id, fault.number, new InnkeeperError('invalid', fault.message));
}
