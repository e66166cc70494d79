// One door to the agent's methods for every way in: a method that does not exist fails alike everywhere.
import type { AgentApi, Caller } from '../methods.ts';
import { InnkeeperError } from '../resources/errors.ts';

/** There is no such method; an error of its own because JSON-RPC has a number of its own for it. */
export class UnknownMethod extends InnkeeperError {
  constructor(name: string) {
    super('not-found', `There is no method ${JSON.stringify(name.slice(0, 64))}.`);
  }
}

/**
 * Calls a method by name; the agent itself checks parameters and right.
 * @throws InnkeeperError
 */
export async function callMethod(
  agent: AgentApi,
  name: string,
  params: unknown,
  caller: Caller,
): Promise<unknown> {
  if (!agent.methods.has(name)) throw new UnknownMethod(name);
  return await agent.call(name, params, caller);
}
