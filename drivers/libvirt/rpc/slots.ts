// How many calls may be with the daemon at once, and which goes next.
import { TooManyCallsError } from '../errors.ts';

/**
 * libvirtd stops reading a client's socket while `max_client_requests` (default 5) of its calls are
 * unanswered, and then does not even see keepalive packets. So we keep one below that, and let calls that
 * may take minutes (a deaf guest agent, saving memory) have at most half of the places.
 */
export class Slots {
  readonly #total: number;
  readonly #patientTotal: number;
  readonly #maxQueued: number;
  #used = 0;
  #patientUsed = 0;
  readonly #prompt = new Set<() => void>();
  readonly #patient = new Set<() => void>();

  constructor(total: number, maxQueued: number) {
    this.#total = total;
    this.#patientTotal = Math.max(1, Math.floor(total / 2));
    this.#maxQueued = maxQueued;
  }

  /**
   * Runs `start` as soon as there is a place, at once if there is one now.
   * @returns a function that withdraws it, harmless once it has started.
   * @throws TooManyCallsError when too many wait already.
   */
  enter(patient: boolean, start: () => void): () => void {
    const queue = patient ? this.#patient : this.#prompt;
    if (this.#prompt.size + this.#patient.size >= this.#maxQueued) {
      throw new TooManyCallsError(`${this.#maxQueued} calls are waiting for libvirt already`);
    }
    queue.add(start);
    this.#advance();
    return () => queue.delete(start);
  }

  /** Gives a place back; only when the daemon has answered, since until then it is taken over there. */
  leave(patient: boolean): void {
    this.#used--;
    if (patient) this.#patientUsed--;
    this.#advance();
  }

  #advance(): void {
    while (this.#used < this.#total) {
      const [prompt] = this.#prompt;
      const [patient] = this.#patientUsed < this.#patientTotal ? this.#patient : [];
      const next = prompt ?? patient;
      if (next === undefined) return;
      this.#used++;
      if (next === patient) this.#patientUsed++;
      this.#prompt.delete(next);
      this.#patient.delete(next);
      next();
    }
  }
}
