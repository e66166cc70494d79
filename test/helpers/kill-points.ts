// The places where a test kills the agent, found from the engine's own tables.
import { OPERATIONS } from '../../agent/operations/kinds.ts';

/**
 * Every boundary of one kind of operation, as agent-entry.ts understands them: after the reservation, before and
 * after each step, after the ending.
 */
export function killPoints(kindName: string): string[] {
  const kind = OPERATIONS.find(({ definition }) => definition.name === kindName);
  if (!kind) throw new Error(`there is no operation ${kindName}`);
  const steps = kind.steps.flatMap(({ name }) => [`${kindName} ${name} before`, `${kindName} ${name} after`]);
  return [`${kindName} begin after`, ...steps, `${kindName} finish after`];
}
