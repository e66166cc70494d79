// What a control plane may ask: every method of the agent's table with its right, `acknowledge` and `rpc.discover`.
import { Value } from '@sinclair/typebox/value';
import { callMethod, UnknownMethod } from '../api/call.ts';
import type { AgentApi, Caller } from '../methods.ts';
import { InnkeeperError, toInnkeeperError } from '../resources/errors.ts';
import { openRpcDocument } from './discover.ts';
import { RPC_FAULT, RPC_NUMBER } from './json-rpc.ts';
import { Acknowledge } from './protocol.ts';

/** Carries out one request. */
export type RpcHandler = (method: string, params: Record<string, unknown>) => Promise<unknown>;

/** The handler of one control plane. */
export function handlerFor(agent: AgentApi, caller: Caller, acknowledge: (seq: number) => void): RpcHandler {
  return async (method, params) => {
    if (method === 'acknowledge') {
      if (!Value.Check(Acknowledge, params)) {
        throw new InnkeeperError(
          'invalid',
          'acknowledge takes {"seq": N}, the number of an event, and nothing else.',
        );
      }
      acknowledge(params.seq);
      return null;
    }
    if (method === 'rpc.discover') return openRpcDocument(agent);
    return await callMethod(agent, method, params, caller);
  };
}

/** The number and body that tell of a failure. */
export function callFailed(error: unknown): { number: number; body: InnkeeperError } {
  const body = toInnkeeperError(error);
  return { number: error instanceof UnknownMethod ? RPC_FAULT.unknownMethod : RPC_NUMBER[body.code], body };
}
