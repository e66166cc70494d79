// Is the clock right? Certificates, leases and events depend on it.
import { type Check, fault, fine, warning } from './check.ts';

const MEANS = 'Certificates are judged by a wrong time, and events and metering carry it.';
const WHAT = 'Synchronise it (apt install chrony, or systemctl enable --now systemd-timesyncd).';
/** Time that events may be ahead before it is the clock that went back. */
const TOLERANCE_MS = 60_000;

export const clock: Check = {
  name: 'clock',
  async run({ agent, senses }) {
    const now = senses.now();
    const [newest] = (await agent.call('listOperation', { limit: 1 })) as { startTime: string }[];
    if (newest && Date.parse(newest.startTime) - now > TOLERANCE_MS) {
      const found = `The clock says ${new Date(now).toISOString()}, but an operation began ${newest.startTime}.`;
      return [fault('clock-went-back', found, MEANS, WHAT)];
    }
    const said = await senses
      .run('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'])
      .catch(() => '');
    if (said.trim() === 'no') {
      return [warning('clock-unsynchronised', 'The clock is not synchronised.', MEANS, WHAT)];
    }
    return [
      fine(said.trim() === 'yes' ? 'the clock is synchronised' : 'the clock runs; who sets it is not known'),
    ];
  },
};
