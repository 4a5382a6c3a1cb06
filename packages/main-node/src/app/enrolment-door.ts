import { bindPort, createEnrolmentDesk, type EnrolmentDesk } from '@meshwork/platform';
import {
  MeshError,
  toMeshError,
  type Clock,
  type EnrolAnswer,
  type EnrolAsk,
  type KeyPair,
  type Logger,
  type MeshId,
  type Random,
  type Transport,
} from '@meshwork/shared';
import type { WireMetrics } from '@meshwork/platform';
import type { Door, Knock } from '../services/node-admissions.ts';
import { isEverywhere } from './control-port.ts';
import type { HubSlot } from './hub-slot.ts';
import type { ListeningFile } from './listening.ts';
import { pickAddresses, toHostPort } from './usable-addresses.ts';

/** What the door works with. */
export interface EnrolmentDoorOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly portWasSet: boolean;
  /** Host of the control port as the config says it. */
  readonly controlHost: string;
  readonly keys: KeyPair;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly wireMetrics: WireMetrics;
  readonly hub: Pick<HubSlot, 'listen' | 'port'>;
  readonly listening: ListeningFile;
  readonly mesh: () => MeshId;
  /** Decides about a key; throws why it is not let in. */
  readonly knock: (knock: Knock) => Promise<void>;
}

/** The enrolment port over the wire's desk. Opening it also opens the control port on the same addresses, for good. */
export function createEnrolmentDoor(options: EnrolmentDoorOptions): Door {
  const { hub, listening, logger } = options;
  let desk: EnrolmentDesk | undefined;

  function makeDesk(port: number): EnrolmentDesk {
    const { transport, clock, random, keys, wireMetrics: metrics } = options;
    const events = { onRequest: answer };
    return createEnrolmentDesk(
      { transport, clock, random, logger, metrics, events },
      { port, keys },
    );
  }

  async function answer(ask: EnrolAsk, remote: string | undefined): Promise<EnrolAnswer> {
    const addresses = await controlAddresses();
    const mesh = options.mesh();
    try {
      const { node, publicKey, token } = ask;
      await options.knock({ node, publicKey, token, address: remote });
      return { status: 'accepted', mesh, addresses };
    } catch (thrown) {
      const { code, message } = toMeshError(thrown);
      const status = code === 'MESH_JOIN_PENDING' ? 'pending' : 'refused';
      if (status === 'refused')
        logger.warn({ node: ask.node, remote, code, reason: message }, 'a key was not let in');
      return { status, mesh, addresses, code, message };
    }
  }

  /** Where the control port is, loopback last: what is nearest to most is tried first. */
  async function controlAddresses(): Promise<string[]> {
    const { hosts } = await listening.read();
    const port = hub.port ?? 0;
    return [...new Set([...hosts, '127.0.0.1'])].map((host) => toHostPort(host, port));
  }

  /** The first to open finds the port by the policy; from then on it is the same. */
  async function openDesk(hosts: readonly string[]): Promise<void> {
    if (desk !== undefined) return desk.open(hosts);
    const wish = { name: 'enrolment', port: options.port, wasSet: options.portWasSet };
    await bindPort(options.dataDir, wish, async (port) => {
      const made = makeDesk(port);
      await made.open(hosts).catch((error: unknown) => {
        if (error instanceof MeshError && error.code === 'MESH_PORT_TAKEN')
          throw Object.assign(new Error(error.message, { cause: error }), { code: 'EADDRINUSE' });
        throw error;
      });
      desk = made;
      return made.port;
    });
  }

  async function openHost(host: string): Promise<void> {
    await openDesk([host]);
    if (!isEverywhere(options.controlHost)) await hub.listen([host]);
  }

  return {
    async open(addresses) {
      const hosts: string[] = [];
      let failure: unknown;
      for (const host of pickAddresses(addresses)) {
        try {
          await openHost(host);
          hosts.push(host);
        } catch (error) {
          // What was asked for by name must work; of all that there are, those that do.
          if (addresses !== undefined) throw error;
          failure = error;
          logger.warn({ host, err: error }, 'cannot listen on one address of this machine');
        }
      }
      const [first] = hosts;
      if (first === undefined || desk === undefined) throw toMeshError(failure);
      const known = await listening.read();
      await listening.keep({ hosts: [...new Set([...known.hosts, ...hosts])] });
      logger.info({ hosts, port: desk.port }, 'enrolment port is open');
      return hosts.map((host) => toHostPort(host, desk?.port ?? 0));
    },
    async reopen() {
      const { hosts } = await listening.read();
      const usable = hosts.filter((host) => pickAddresses(undefined).includes(host));
      await openDesk(usable.length === 0 ? ['127.0.0.1'] : usable);
    },
    async close() {
      await desk?.close();
      logger.info({}, 'enrolment port is closed');
    },
  };
}
