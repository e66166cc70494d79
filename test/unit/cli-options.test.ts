// What is typed after an option becomes what the method takes.
import t from 'tap';
import { securityRule } from '../../agent/cli/options.ts';

t.test('a rule of a security list is written in words', async (t) => {
  t.same(securityRule('in tcp 22'), { direction: 'in', protocol: 'tcp', fromPort: 22 });
  t.same(securityRule(' out  udp 5000-5010 10.0.0.0/8 '), {
    ...{ direction: 'out', protocol: 'udp', fromPort: 5000, toPort: 5010, remote: '10.0.0.0/8' },
  });
  t.same(securityRule('in icmp fd00::/8'), { direction: 'in', protocol: 'icmp', remote: 'fd00::/8' });
  t.same(securityRule('out any'), { direction: 'out', protocol: 'any' });
  for (const wrong of ['', 'in', 'in tcp 22 10.0.0.1 more']) {
    t.throws(() => securityRule(wrong), /should be: in\|out tcp\|udp\|icmp\|any/, `"${wrong}"`);
  }
});
