// Where a quickstart lives: names, paths and the agent's configuration, apart from any other agent on the host.
import { dirname, join } from 'node:path';

/** Everything a quickstart makes is below one folder or begins with one prefix. */
export interface Place {
  /** Begins the name of every bridge, tap, namespace, rule table and domain. */
  prefix: string;
  dir: string;
  socket: string;
  configFile: string;
  agentLog: string;
  /** One line of JSON for each thing the control plane was told. */
  record: string;
  controlPlaneLog: string;
  /** Process ids of agent and control plane, one file each. */
  pidFile: (process: 'agent' | 'control-plane') => string;
}

/** The quickstart proper and the check have a place each, so that a check disturbs nobody who looks around. */
export function placeFor(mode: 'stay' | 'check'): Place {
  const dir = mode === 'stay' ? '/var/lib/innkeeper-quickstart' : '/var/lib/innkeeper-check';
  return {
    prefix: mode === 'stay' ? 'ikq' : 'ikc',
    dir,
    socket: join(dir, 'innkeeper.sock'),
    configFile: join(dir, 'innkeeper.toml'),
    agentLog: join(dir, 'agent.log'),
    record: join(dir, 'control-plane.ndjson'),
    controlPlaneLog: join(dir, 'control-plane.log'),
    pidFile: (process) => join(dir, `${process}.pid`),
  };
}

/** innkeeper.toml for a place; JSON strings are TOML strings too. */
export function configuration(place: Place, controlPlaneUrl: string, image: string): string {
  const text = JSON.stringify;
  return `# Made by npm run quickstart.
state_dir = ${text(join(place.dir, 'state'))}
socket = ${text(place.socket)}
prefix = ${text(place.prefix)}
image_paths = [${text(dirname(image))}]

[network]
ipv4_range = "10.98.0.0/16"

[[vserver_type]]
name = "tiny"
vcpus = 1
memory_mib = 128

[[control_plane]]
name = "quickstart"
url = ${text(controlPlaneUrl)}
`;
}
