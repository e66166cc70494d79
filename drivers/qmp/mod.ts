// The only door of this folder: a QMP client for QEMU's own monitor.
export * from './commands.ts';
export { QmpError, QmpLostError, QmpProtocolError, QmpTimeoutError } from './errors.ts';
export { LINE_MAX, LineSplitter } from './lines.ts';
export type { Json, QmpEvent } from './messages.ts';
export { type ExecuteOptions, QmpMonitor, type QmpOptions } from './monitor.ts';
