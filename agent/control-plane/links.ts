// Every link that the configuration asks for, dialled or awaited, opened and closed as one.
import type { FastifyBaseLogger } from 'fastify';
import type { AgentApi } from '../methods.ts';
import type { AdmittedControlPlane } from './admission.ts';
import { DEFAULT_BACKOFF } from './backoff.ts';
import type { AdmittedConfig, ControlPlaneConfig, ListenerConfig } from './config.ts';
import { credentialFiles } from './credential-files.ts';
import type { Listener, ListenerCredentials } from './listener.ts';
import { DEFAULT_LIMITS } from './session.ts';

/** The part of the configuration that speaks of links. */
export interface LinksConfig {
  control_plane: readonly ControlPlaneConfig[];
  control_plane_listener?: ListenerConfig;
  user_data_max_bytes: number;
}

export interface Links {
  /** Port of the listener, if one is configured. */
  port: number | undefined;
  /** Reads the listener's credentials anew; dialled links do so before each attempt anyway. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** Room for a message whose user data is base64, a third longer than it is, beside everything else. */
export function messageLimit(userDataBytes: number): number {
  return Math.max(DEFAULT_LIMITS.maxMessageBytes, Math.ceil((userDataBytes * 4) / 3) + 1_048_576);
}

/** @throws InnkeeperError `invalid` for a configuration that would never work or would let anyone in */
export async function openLinks(
  config: LinksConfig,
  agent: AgentApi,
  log: FastifyBaseLogger,
): Promise<Links> {
  const limits = { maxMessageBytes: messageLimit(config.user_data_max_bytes) };
  const listener = await listen(config.control_plane_listener, { agent, log, limits });
  // Loaded only by a host that has a control plane, as is the listener.
  const links = await Promise.all(
    config.control_plane.map(async (plane) => {
      const { connectControlPlane } = await import('./link.ts');
      const { name, url, right, reconnect_max_seconds, pin_sha256 } = plane;
      const files = {
        token: plane.token_file,
        ca: plane.ca_file,
        cert: plane.cert_file,
        key: plane.key_file,
      };
      const max = reconnect_max_seconds * 1000;
      return connectControlPlane({
        url,
        name,
        right,
        agent,
        log,
        limits,
        credentials: credentialFiles(files),
        backoff: { ...DEFAULT_BACKOFF, first: Math.min(DEFAULT_BACKOFF.first, max), max },
        ...(pin_sha256 ? { pins: pin_sha256 } : {}),
      });
    }),
  );
  return {
    port: listener?.port,
    async reload() {
      await listener?.reload();
    },
    async close() {
      await Promise.all([...links, ...(listener ? [listener] : [])].map((link) => link.close()));
    },
  };
}

async function listen(
  config: ListenerConfig | undefined,
  common: { agent: AgentApi; log: FastifyBaseLogger; limits: { maxMessageBytes: number } },
): Promise<Listener | undefined> {
  if (!config) return undefined;
  const { listenForControlPlanes } = await import('./listener.ts');
  const { host, port } = config;
  const credentials = listenerCredentials(config, config.control_plane);
  return await listenForControlPlanes({ ...common, host, port, credentials });
}

/** A source of a listener's credentials, read from their files at every call. */
export function listenerCredentials(
  { cert_file, key_file, ca_file }: Pick<ListenerConfig, 'cert_file' | 'key_file' | 'ca_file'>,
  callers: readonly AdmittedConfig[],
): () => Promise<ListenerCredentials> {
  const proofs = credentialFiles({ cert: cert_file, key: key_file, ca: ca_file });
  return async () => ({ ...(await proofs()), controlPlanes: await Promise.all(callers.map(admitted)) });
}

/** A caller as configured, with the token that its file holds now. */
async function admitted(caller: AdmittedConfig): Promise<AdmittedControlPlane> {
  const { name, right, token_file, certificate_name } = caller;
  const { token } = await credentialFiles({ token: token_file })();
  return {
    name,
    right,
    ...(token === undefined ? {} : { token }),
    ...(certificate_name === undefined ? {} : { certificateName: certificate_name }),
  };
}
