// The agent's version, read once from package.json.
import { readFileSync } from 'node:fs';

export const VERSION: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version;
/** Versions of the control-plane protocol this agent speaks. */
export const PROTOCOL_VERSIONS = ['innkeeper.v1'];
