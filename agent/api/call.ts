// One door to the agent's methods for every way in: a method that does not exist fails alike everywhere.
import type { AgentApi, Caller, MethodDefinition } from '../methods.ts';
import { InnkeeperError } from '../resources/errors.ts';

/**
 * The definition of a method.
 * @throws InnkeeperError `unsupported` when this agent has no such method
 */
export function methodNamed(agent: AgentApi, name: string): MethodDefinition {
  const definition = agent.methods.get(name);
  if (definition) return definition;
  const shown = JSON.stringify(name.slice(0, 64));
  throw new InnkeeperError(
    'unsupported',
    `This agent has no method ${shown}; see /v1/openapi.json for those it has.`,
  );
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
  methodNamed(agent, name);
  return await agent.call(name, params, caller);
}
