// What talking to a QMP monitor can fail with.

/** QEMU answered a command with an error. */
export class QmpError extends Error {
  override readonly name = 'QmpError';
  readonly command: string;
  /** QEMU's class: `GenericError`, `CommandNotFound`, `DeviceNotFound`, `DeviceNotActive`, `KVMMissingCap`. */
  readonly errorClass: string;

  constructor(command: string, errorClass: string, description: string) {
    super(description);
    this.command = command;
    this.errorClass = errorClass;
  }
}

/** The monitor is gone; whether an unanswered command was carried out is unknown. */
export class QmpLostError extends Error {
  override readonly name = 'QmpLostError';
}

/** The peer does not speak QMP, or not correctly. */
export class QmpProtocolError extends Error {
  override readonly name = 'QmpProtocolError';
}

/** No answer in the time given; QEMU may still carry the command out. */
export class QmpTimeoutError extends Error {
  override readonly name = 'QmpTimeoutError';
}
