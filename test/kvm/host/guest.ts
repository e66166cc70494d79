// The guest of the VServer that most topics share: its report, and a shell on its console.
import { bootedGuest } from '../../helpers/guest-console.ts';
import { GuestShell } from '../../helpers/guest-shell.ts';
import { client } from './host.ts';

const agent = { client };

/** What the guest has told when it was up. */
export const report = (vserver: string): Promise<Map<string, string>> => bootedGuest(agent, vserver);

export const guestShell = (vserver: string): Promise<GuestShell> => GuestShell.open(agent, vserver);
