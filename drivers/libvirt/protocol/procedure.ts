// What a procedure is: its program and number, and the codecs of its arguments and result.
import type { Codec } from '../rpc/codec.ts';
import { PROGRAMS } from '../rpc/frame.ts';

/** One entry of the protocol tables. */
export interface Procedure<A, R> {
  program: number;
  number: number;
  args: Codec<A>;
  result: Codec<R>;
  /** May wait for a guest or a disk for seconds or minutes; such calls never take all slots. */
  patient?: true;
}

/** A procedure of libvirt's main program (remote_protocol.x). */
export function remote<A, R>(number: number, args: Codec<A>, result: Codec<R>): Procedure<A, R> {
  return { program: PROGRAMS.remote, number, args, result };
}

/** A procedure of the QEMU program (qemu_protocol.x). */
export function qemu<A, R>(number: number, args: Codec<A>, result: Codec<R>): Procedure<A, R> {
  return { program: PROGRAMS.qemu, number, args, result };
}

/** Marks a procedure as one that may take long. */
export function patient<A, R>(procedure: Procedure<A, R>): Procedure<A, R> {
  return { ...procedure, patient: true };
}
