// What a QMP monitor can say, checked before anything believes it (QEMU's "QMP specification").
import { QmpProtocolError } from './errors.ts';

/** A JSON object. */
export type Json = Record<string, unknown>;

/** An event of QEMU, with its data. */
export interface QmpEvent {
  /** Upper case, `STOP`, `BLOCK_JOB_COMPLETED`, `GUEST_PANICKED` … */
  event: string;
  data: Json;
  /** When QEMU emitted it: milliseconds since 1970. */
  timeMs: number;
}

export type QmpMessage =
  | { type: 'greeting'; version: string; capabilities: string[] }
  | { type: 'return'; id: string; value: unknown }
  | { type: 'error'; id: string | undefined; errorClass: string; description: string }
  | ({ type: 'event' } & QmpEvent);

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function greeting(qmp: unknown): QmpMessage {
  const version = isObject(qmp) && isObject(qmp.version) && isObject(qmp.version.qemu) && qmp.version.qemu;
  if (!isObject(qmp) || !version) throw new QmpProtocolError('the greeting is not a QMP monitor’s');
  const capabilities = Array.isArray(qmp.capabilities) ? qmp.capabilities : [];
  return {
    type: 'greeting',
    version: `${version.major}.${version.minor}.${version.micro}`,
    capabilities: capabilities.filter((capability) => typeof capability === 'string'),
  };
}

function failure(id: unknown, error: unknown): QmpMessage {
  if (!isObject(error)) throw new QmpProtocolError('an error that is not an object');
  return {
    type: 'error',
    id: typeof id === 'string' ? id : undefined,
    errorClass: String(error.class),
    description: String(error.desc),
  };
}

function event(message: Json): QmpMessage {
  const { timestamp, data } = message;
  const seconds = isObject(timestamp) ? Number(timestamp.seconds) : Number.NaN;
  const microseconds = isObject(timestamp) ? Number(timestamp.microseconds) : Number.NaN;
  const timeMs = seconds * 1e3 + microseconds / 1e3;
  return {
    type: 'event',
    event: String(message.event),
    data: isObject(data) ? data : {},
    // QEMU sends -1 for both when it could not read its clock.
    timeMs: timeMs >= 0 ? timeMs : Date.now(),
  };
}

/** @throws QmpProtocolError for anything that is not one of the four kinds of messages. */
export function parseMessage(line: string): QmpMessage {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch (cause) {
    throw new QmpProtocolError('a line that is not JSON', { cause });
  }
  if (!isObject(message)) throw new QmpProtocolError('a line that is not a JSON object');
  if ('event' in message) return event(message);
  if ('error' in message) return failure(message.id, message.error);
  if ('QMP' in message) return greeting(message.QMP);
  if ('return' in message && typeof message.id === 'string') {
    return { type: 'return', id: message.id, value: message.return };
  }
  throw new QmpProtocolError('a message that is neither greeting, return, error nor event');
}
