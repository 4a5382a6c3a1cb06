import { bindPort } from '@meshwork/platform';
import { MeshError, type Component, type Hub, type Logger } from '@meshwork/shared';
import type { MeshState } from '../core/mesh-state.ts';
import type { HubSlot } from './hub-slot.ts';
import type { Listening, ListeningFile } from './listening.ts';
import { listUsableAddresses } from './usable-addresses.ts';

/** The hub on the port that the policy gives it: the one that was set, or the next free one after the default. */
export function createControlPort(options: {
  readonly dataDir: string;
  readonly hosts: () => Promise<readonly string[]>;
  readonly port: number;
  readonly portWasSet: boolean;
  readonly slot: HubSlot;
  /** A hub for one port, with its handlers attached. */
  readonly makeHub: (where: { readonly hosts: readonly string[]; readonly port: number }) => Hub;
  /** Remembers a port that was free to choose: nodes look for it there. */
  readonly listening: ListeningFile;
  readonly logger: Logger;
}): Component {
  let hub: Hub | undefined;

  async function tryPort(
    hosts: readonly string[],
    port: number,
    signal: AbortSignal,
  ): Promise<number> {
    const made = options.makeHub({ hosts, port });
    try {
      await made.start(signal);
    } catch (error) {
      await made.stop(AbortSignal.abort());
      // The words in which the policy is told that a port is taken; it names the holder itself.
      if (error instanceof MeshError && error.code === 'MESH_PORT_TAKEN')
        throw Object.assign(new Error(error.message, { cause: error }), { code: 'EADDRINUSE' });
      throw error;
    }
    hub = made;
    options.slot.fill(made);
    return made.port;
  }

  const wish = { name: 'control', port: options.port, wasSet: options.portWasSet };

  /** Where any port will do, the last one does best: nodes that run on look for it there. */
  async function bindLast(bind: (port: number) => Promise<number>): Promise<number | undefined> {
    if (options.port !== 0) return undefined;
    const { port } = await options.listening.read();
    return port === undefined ? undefined : bind(port).catch(() => undefined);
  }

  return {
    name: 'control port',
    async start(signal) {
      const hosts = await options.hosts();
      const bind = (port: number): Promise<number> => tryPort(hosts, port, signal);
      const port = (await bindLast(bind)) ?? (await bindPort(options.dataDir, wish, bind));
      await options.listening.keep({ port });
      options.logger.info({ hosts, port }, 'control port is bound');
    },
    async stop(signal) {
      await hub?.stop(signal);
    },
  };
}

/**
 * The hosts to bind: the one of the config and, while another machine is in this mesh or may join, those that invites opened and
 * this machine still has. A fresh mesh listens on loopback only.
 */
export function pickControlHosts(
  configured: string,
  now: {
    readonly state: MeshState;
    readonly kept: Pick<Listening, 'hosts'>;
    /** Wall clock. */
    readonly nowMs: number;
  },
): readonly string[] {
  const { state, kept, nowMs } = now;
  const isOpen =
    [...state.invites.values()].some(({ expiresAtMs }) => expiresAtMs > nowMs) ||
    [...state.nodes.values()].some(
      ({ admission, isLocal }) => admission === 'accepted' && !isLocal,
    );
  if (!isOpen || isEverywhere(configured)) return [configured];
  const usable = listUsableAddresses();
  return [...new Set([configured, ...kept.hosts.filter((host) => usable.includes(host))])];
}

/** Whether a host stands for every address of the machine. */
export function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
