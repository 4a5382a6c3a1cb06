import { bindPort } from '@meshwork/platform';
import { MeshError, type Component, type Hub, type Logger } from '@meshwork/shared';
import type { HubSlot } from './hub-slot.ts';

/** The hub on the port that the policy gives it: the one that was set, or the next free one after the default. */
export function createControlPort(options: {
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  readonly portWasSet: boolean;
  readonly slot: HubSlot;
  /** A hub for one port, with its handlers attached. */
  readonly makeHub: (port: number) => Hub;
  readonly logger: Logger;
}): Component {
  let hub: Hub | undefined;

  async function tryPort(port: number, signal: AbortSignal): Promise<number> {
    const made = options.makeHub(port);
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

  return {
    name: 'control port',
    async start(signal) {
      const wish = { name: 'control', port: options.port, wasSet: options.portWasSet };
      const port = await bindPort(options.dataDir, wish, (candidate) => tryPort(candidate, signal));
      options.logger.info({ host: options.host, port }, 'control port is bound');
    },
    async stop(signal) {
      await hub?.stop(signal);
    },
  };
}
