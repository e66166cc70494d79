// The HTTP API on a network address, for those who prove who they are. Nothing listens unless it is configured.
import { once } from 'node:events';
import { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { admit } from '../control-plane/admission.ts';
import type { ApiListenerConfig } from '../control-plane/config.ts';
import { listenerCredentials } from '../control-plane/links.ts';
import { checkedCredentials, tlsOptions } from '../control-plane/listener.ts';
import type { AgentApi } from '../methods.ts';
import { InnkeeperError } from '../resources/errors.ts';
import { serveApi } from './local-api.ts';

export interface NetworkApiOptions {
  config: ApiListenerConfig | undefined;
  agent: AgentApi;
  log: FastifyBaseLogger;
  bodyLimit: number;
}

export interface NetworkApi {
  port: number;
  /** Takes new tokens and certificates for whoever comes from now on; bad ones are refused and the old ones stay. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** @throws InnkeeperError `invalid` when tokens would travel in clear, somebody need prove nothing, or nothing can listen */
export async function startNetworkApi({
  config,
  agent,
  log,
  bodyLimit,
}: NetworkApiOptions): Promise<NetworkApi | undefined> {
  if (!config) return undefined;
  const { host, port } = config;
  const read = listenerCredentials(config, config.caller);
  let known = checkedCredentials(await read(), host);
  const https = { ...tlsOptions(known), requestCert: true, rejectUnauthorized: false };
  const { server, close } = await serveApi(
    {
      agent,
      log,
      bodyLimit,
      callerOf: (request) => admit(known.controlPlanes, request),
      ...(known.cert === undefined ? {} : { https }),
    },
    async (server) => {
      server.listen(port, host);
      await once(server, 'listening').catch((error: Error) => {
        throw new InnkeeperError('invalid', `Cannot listen on ${host}:${port}: ${error.message}`, {}, error);
      });
    },
  );
  return {
    port: (server.address() as AddressInfo).port,
    async reload() {
      const fresh = checkedCredentials(await read(), host);
      if (server instanceof HttpsServer) server.setSecureContext(tlsOptions(fresh));
      known = fresh;
    },
    close,
  };
}
