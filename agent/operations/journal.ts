// The shape of an operation as kept in the journal and shown to callers.
import { type Static, Type } from '@sinclair/typebox';

export const OperationState = Type.Union([
  Type.Literal('running'),
  Type.Literal('undoing'),
  Type.Literal('done'),
  Type.Literal('failed'),
]);

/** An operation as every way in shows it. Times are ISO 8601 UTC. */
export const OperationRecord = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  state: OperationState,
  /** Name of the step being carried out (or undone). */
  step: Type.String(),
  /** 0–100. */
  progress: Type.Integer({ minimum: 0, maximum: 100 }),
  bytesDone: Type.Optional(Type.Integer()),
  bytesTotal: Type.Optional(Type.Integer()),
  /** Resources it holds, "vserver/vs-…" form. */
  resources: Type.Array(Type.String()),
  caller: Type.String(),
  startTime: Type.String(),
  endTime: Type.Optional(Type.String()),
  result: Type.Optional(Type.Unknown()),
  error: Type.Optional(
    Type.Object({
      code: Type.String(),
      message: Type.String(),
      ids: Type.Record(Type.String(), Type.String()),
    }),
  ),
});
export type OperationRecord = Static<typeof OperationRecord>;
