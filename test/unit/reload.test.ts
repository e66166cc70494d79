// A changed configuration under a running agent: what is taken over, what waits, and what a failure leaves.
import { pino } from 'pino';
import t from 'tap';
import { checkConfig } from '../../agent/config/config.ts';
import { applyConfig } from '../../agent/config/reload.ts';

const log = () => pino({ level: 'info' }, { write() {} });
const plane = { name: 'main', url: 'wss://control.example.net/' };
const types = [{ name: 'tiny', vcpus: 1, memory_mib: 64 }];

t.test('types and log level change at once, the rest is named and waits', async (t) => {
  const config = checkConfig({});
  const logger = log();
  const next = checkConfig({ log_level: 'debug', vserver_type: types, network: { mtu: 1400 }, prefix: 'zz' });
  const outcome = await applyConfig(config, next, logger, async () => {});
  t.same(outcome, { changed: ['log_level', 'vserver_type'], waiting: ['prefix', 'network'] });
  t.same(config.vserver_type, types);
  t.equal(logger.level, 'debug');
  t.equal(config.prefix, 'ik', 'what waits is not half taken over');
  t.equal(config.network.mtu, 1500);
});

t.test('links are opened anew when control planes change, and only then', async (t) => {
  const config = checkConfig({});
  let opened = 0;
  const relink = async () => {
    opened += 1;
  };
  await applyConfig(config, checkConfig({ vserver_type: types }), log(), relink);
  t.equal(opened, 0);
  await applyConfig(config, checkConfig({ vserver_type: types, control_plane: [plane] }), log(), relink);
  t.equal(opened, 1);
  t.equal(config.control_plane[0]?.name, 'main');
});

t.test('links that cannot be opened leave the old configuration in force', async (t) => {
  const config = checkConfig({ control_plane: [plane] });
  const seen: (string | undefined)[] = [];
  const relink = async () => {
    const url = config.control_plane[0]?.url;
    seen.push(url);
    if (url !== plane.url) throw new Error('no such control plane');
  };
  const next = checkConfig({ control_plane: [{ ...plane, url: 'wss://other.example.net/' }] });
  await t.rejects(applyConfig(config, next, log(), relink), { message: 'no such control plane' });
  t.equal(config.control_plane[0]?.url, plane.url);
  t.same(seen, ['wss://other.example.net/', plane.url], 'the old links are opened again');
});
