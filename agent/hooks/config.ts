// What innkeeper.toml says about hooks.
import { type Static, Type } from '@sinclair/typebox';

/** Moments in the life of a VServer, as OpenNebula's hooks have them. */
export const MOMENTS = ['create', 'running', 'shutdown', 'stop', 'done', 'error'] as const;
export type Moment = (typeof MOMENTS)[number];

/** One `[[hook]]`: a program of the operator's that is run at some moments. */
export const HookConfig = Type.Object(
  {
    on: Type.Array(Type.Union(MOMENTS.map((moment) => Type.Literal(moment))), {
      minItems: 1,
      maxItems: MOMENTS.length,
      help: 'When it is run',
    }),
    command: Type.String({
      pattern: '^/',
      maxLength: 512,
      description: 'An absolute path',
      help: 'Program that is run with the moment, the id, the name and the state as arguments and JSON on its input',
    }),
    timeout_seconds: Type.Integer({
      default: 30,
      minimum: 1,
      maximum: 3600,
      help: 'Time after which it is killed with all it has started',
    }),
  },
  { additionalProperties: false, help: 'Runs a program when something happens to a VServer' },
);
export type HookConfig = Static<typeof HookConfig>;
