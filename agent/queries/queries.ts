// The questions: every query there is.
import * as explain from './explain.ts';
import * as host from './host.ts';
import * as metering from './metering.ts';
import * as password from './password.ts';
import * as publicIp from './public-ip.ts';
import type { Query } from './query.ts';
import * as screen from './screen.ts';
import * as storage from './storage.ts';
import * as vnet from './vnet.ts';
import * as vserver from './vserver.ts';

export const QUERIES = [vserver, password, vnet, publicIp, explain, storage, host, metering, screen].flatMap(
  (group) => Object.values(group),
) as unknown as readonly Query[];
