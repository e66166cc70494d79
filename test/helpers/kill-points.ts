// The places where a test kills the agent, found from the engine's own tables.
import { OPERATIONS } from '../../agent/operations/kinds.ts';

/** A boundary at which to kill, as agent-entry.ts understands it, and one at which the operation must fail first. */
export interface KillPoint {
  kill: string;
  fail?: string;
}

function kindNamed(name: string) {
  const kind = OPERATIONS.find(({ definition }) => definition.name === name);
  if (!kind) throw new Error(`there is no operation ${name}`);
  return kind;
}

/**
 * Every boundary of one kind of operation on its way forward: after the reservation, before and after each step,
 * before and after the ending.
 */
export function killPoints(name: string): string[] {
  const steps = kindNamed(name).steps.flatMap((step) => [
    `${name} ${step.name} before`,
    `${name} ${step.name} after`,
  ]);
  return [`${name} begin after`, ...steps, `${name} finish before`, `${name} finish after`];
}

/**
 * Every boundary on its way back: it fails when all its steps are done, or, where it only goes forward, before the
 * first of them.
 */
export function undoPoints(name: string): KillPoint[] {
  const { steps, forwardOnly } = kindNamed(name);
  const [first, last] = [steps[0]?.name, steps.at(-1)?.name];
  if (first === undefined) return [];
  const end = `${name} abandon before`;
  if (forwardOnly) return [{ fail: `${name} ${first} before`, kill: end }];
  const undos = steps.map((step) => `${name} undo ${step.name} before`).reverse();
  return [...undos, end].map((kill) => ({ fail: `${name} ${last} after`, kill }));
}
