// What a control plane may ask: every method of the agent's table with its right, both acknowledgements and `rpc.discover`.
import { Value } from '@sinclair/typebox/value';
import { callMethod, UnknownMethod } from '../api/call.ts';
import type { AgentApi, Caller } from '../methods.ts';
import { InnkeeperError, toInnkeeperError } from '../resources/errors.ts';
import { openRpcDocument } from './discover.ts';
import { RPC_FAULT, RPC_NUMBER } from './json-rpc.ts';
import { Acknowledge } from './protocol.ts';

/** Carries out one request. */
export type RpcHandler = (method: string, params: Record<string, unknown>) => Promise<unknown>;

/** Told what the control plane has kept. */
export type Acknowledgements = Record<'acknowledge' | 'acknowledgeSamples', (seq: number) => void>;

/** The handler of one control plane. */
export function handlerFor(agent: AgentApi, caller: Caller, takers: Acknowledgements): RpcHandler {
  return async (method, params) => {
    if (method === 'acknowledge' || method === 'acknowledgeSamples') {
      if (!Value.Check(Acknowledge, params)) {
        throw new InnkeeperError(
          'invalid',
          `${method} takes {"seq": N}, the number of the last one kept, and nothing else.`,
        );
      }
      takers[method](params.seq);
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
