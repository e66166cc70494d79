// Are the programs there that the agent calls, and new enough?
import type { HostProgram } from '../../drivers/host-finding.ts';
import { examinationOf } from '../../drivers/open.ts';
import type { CheckContext } from './check.ts';
import { type Check, fault, fine } from './check.ts';

const COMMON: HostProgram[] = [
  { command: 'ip', args: ['-V'], packages: 'iproute2', purpose: 'VNets cannot be built.' },
  { command: 'nft', args: ['--version'], packages: 'nftables', purpose: 'Guests cannot be kept apart.' },
  {
    command: 'qemu-img',
    args: ['--version'],
    packages: 'qemu-utils',
    purpose: 'Disks cannot be made.',
    oldest: 6,
  },
];
/** Only where addresses can move from one guest to another. */
const CONNTRACK: HostProgram = {
  command: 'conntrack',
  args: ['--version'],
  packages: 'conntrack',
  purpose: 'Whoever has given a PublicIP away may go on using it on connections that were open.',
};

export const programs: Check = {
  name: 'programs',
  async run({ config, senses }) {
    const ofHypervisor = examinationOf(config.libvirt_uri)?.programs ?? [];
    const wanted = [...COMMON, ...ofHypervisor, ...(config.inet ? [CONNTRACK] : [])];
    const found = (await Promise.all(wanted.map((program) => look(program, senses)))).flat();
    return found.length > 0 ? found : [fine(`${wanted.map(({ command }) => command).join(', ')} are there`)];
  },
};

async function look(
  { command, args, packages, purpose, oldest }: HostProgram,
  senses: CheckContext['senses'],
) {
  let said: string;
  try {
    said = await senses.run(command, args);
  } catch (error) {
    const found = `${command} cannot be run: ${(error as Error).message.split('\n')[0]}`;
    return [
      fault('program-missing', found, purpose, `Install it (Debian, Ubuntu: apt install ${packages}).`),
    ];
  }
  const version = /(\d+)\.(\d+)/.exec(said);
  if (oldest === undefined || !version || Number(version[1]) >= oldest) return [];
  const old = `${command} is version ${version[0]}; ${oldest}.0 or newer is needed.`;
  return [fault('program-old', old, purpose, `Upgrade the package ${packages}.`)];
}
