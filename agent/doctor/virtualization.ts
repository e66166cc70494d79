// Which guests can the hypervisor run here? Its driver looks, and knows what it means.
import { examinationOf } from '../../drivers/open.ts';
import { type Check, fine } from './check.ts';

export const virtualization: Check = {
  name: 'virtualization',
  async run({ config, senses }) {
    const { libvirt_uri: uri, acceleration } = config;
    const forced = acceleration === 'auto' ? undefined : acceleration;
    const options = { uri, acceleration: forced, probe: senses.acceleration };
    return (await examinationOf(uri)?.examine(options)) ?? [fine(`nothing to try behind ${uri}`)];
  },
};
