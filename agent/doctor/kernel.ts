// Does the kernel have what VNets are made of? Tried in a network namespace that goes with the trial.
import { type Check, fault, fine } from './check.ts';

/** By the name of the feature, what makes one; a module list would not tell what is built in. */
const TRIALS: Record<string, string> = {
  bridge: 'ip link add b0 type bridge',
  veth: 'ip link add v0 type veth peer name v1',
  tap: 'ip tuntap add t0 mode tap',
  nftables: 'nft add table inet trial',
  'nftables for bridges':
    "nft 'add table bridge trial; add chain bridge trial c { type filter hook forward priority 0 ; }'",
};

export const kernel: Check = {
  name: 'kernel',
  async run({ senses }) {
    const tried = await Promise.all(
      Object.entries(TRIALS).map(async ([feature, trial]) => {
        const works = await senses.run('unshare', ['--net', 'sh', '-c', trial]).then(
          () => true,
          () => false,
        );
        return { feature, works };
      }),
    );
    const missing = tried.filter(({ works }) => !works).map(({ feature }) => feature);
    if (missing.length === 0) return [fine(`works: ${Object.keys(TRIALS).join(', ')}`)];
    const found = `The kernel cannot do: ${missing.join(', ')}.`;
    const what =
      'Install the modules of the running kernel (or reboot into the installed one); run this as root.';
    return [fault('kernel-feature-missing', found, 'VNets and taps cannot be made.', what)];
  },
};
