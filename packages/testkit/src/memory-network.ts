import {
  MeshError,
  type Clock,
  type OutgoingFrame,
  type Random,
  type Transport,
} from '@meshwork/shared';
import { createMemoryConnection, type MemoryConnection } from './memory-connection.ts';

/** What goes wrong with frames on their way. Real connections never do most of it; what must not matter may. */
export interface NetworkFaults {
  /** Share of frames that vanish, 0 to 1. */
  readonly dropRatio?: number;
  /** Share of frames that arrive twice. */
  readonly duplicateRatio?: number;
  /** Each frame takes this long at least, plus a random part of `jitterMs`. */
  readonly delayMs?: number;
  readonly jitterMs?: number;
  /** Frames may overtake each other within their jitter. */
  readonly reorders?: boolean;
}

/** A network in memory with the promises of the real one, and with faults on demand. */
export interface MemoryNetwork {
  /** The transport of one machine; its name is what partitions and freezes speak of. */
  transport(machine: string): Transport;
  setFaults(faults: NetworkFaults): void;
  /** Frames between the two machines are held until `heal`; connections time out as they do over TCP. */
  partition(a: string, b: string): void;
  heal(): void;
  /** The machine gets nothing and is heard of by nobody, like a stopped process. */
  freeze(machine: string): void;
  thaw(machine: string): void;
  /** Ends every connection of this machine, as its kernel would. */
  closeConnections(machine: string): void;
}

/** What the connections of a network share. */
export interface MemoryWorld {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
  readonly random: Pick<Random, 'next'>;
  faults: NetworkFaults;
  isCut(a: string, b: string): boolean;
}

interface Listener {
  readonly machine: string;
  accept(connection: MemoryConnection): 'refused' | 'handshake' | 'auth' | undefined;
}

const FIRST_FREE_PORT = 40_000;
const CONNECT_TIMEOUT_MS = 1_000;

/** An empty network. With a fake clock, delays and timeouts pass only as the test advances it. */
export function createMemoryNetwork(deps: {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
  readonly random: Pick<Random, 'next'>;
}): MemoryNetwork {
  const listeners = new Map<string, Listener>();
  const connections = new Set<MemoryConnection>();
  const partitions = new Set<string>();
  const frozen = new Set<string>();
  let freePort = FIRST_FREE_PORT;
  const pair = (a: string, b: string): string => [a, b].sort().join(' ');
  const world: MemoryWorld = {
    ...deps,
    faults: {},
    isCut: (a, b) => frozen.has(a) || frozen.has(b) || partitions.has(pair(a, b)),
  };

  function reconsider(): void {
    for (const connection of connections) connection.reconsider();
  }

  function toPort(endpoint: string): string {
    const asked = endpoint.slice(endpoint.lastIndexOf(':') + 1);
    return asked === '0' ? String(freePort++) : asked;
  }

  function transport(machine: string): Transport {
    return {
      bind: async (options) => {
        const byRoutingId = new Map<string, MemoryConnection>();
        const endpoints: string[] = [];
        let isClosed = false;
        const listener: Listener = {
          machine,
          accept(connection) {
            if (connection.serverKey !== options.keys.publicKey) return 'handshake';
            if (!options.admits(connection.publicKey, connection.machine)) return 'auth';
            const key = toKey(connection.routingId);
            byRoutingId.get(key)?.close('bind');
            byRoutingId.set(key, connection);
            connection.onBoundSide({
              maxMessageBytes: options.maxMessageBytes,
              deliver: (frames) => options.onFrames(connection.routingId, frames),
              gone: () => {
                if (byRoutingId.get(key) === connection) byRoutingId.delete(key);
              },
            });
            return undefined;
          },
        };
        const close = (): void => {
          isClosed = true;
          for (const endpoint of endpoints) listeners.delete(endpoint);
          for (const connection of byRoutingId.values()) connection.close('bind');
        };
        const listen = (endpoint: string): string => {
          const bound = `${endpoint.slice(0, endpoint.lastIndexOf(':'))}:${toPort(endpoint)}`;
          if (listeners.has(bound)) {
            throw new MeshError('MESH_PORT_TAKEN', `${bound} is in use by another program`);
          }
          listeners.set(bound, listener);
          endpoints.push(bound);
          return bound;
        };
        try {
          for (const endpoint of options.endpoints) listen(endpoint);
        } catch (error) {
          close();
          throw error;
        }
        return {
          endpoints,
          listen,
          send: async (to, frame) =>
            isClosed
              ? 'closed'
              : (byRoutingId.get(toKey(to))?.send('bind', [toBytes(frame)]) ?? 'closed'),
          close,
        };
      },
      dial(options) {
        for (const known of connections) if (known.isGone) connections.delete(known);
        const connection = createMemoryConnection(world, machine, options);
        connections.add(connection);
        const connect = async (): Promise<void> => {
          const listener = listeners.get(options.endpoint);
          if (listener !== undefined && world.isCut(machine, listener.machine)) {
            await deps.clock.sleep(CONNECT_TIMEOUT_MS, new AbortController().signal);
            return connection.fail('timeout');
          }
          if (listener === undefined) return connection.fail('refused');
          connection.connectTo(listener.machine);
          const refusal = listener.accept(connection);
          if (refusal === undefined) connection.open();
          else connection.fail(refusal);
        };
        setImmediate(() => void connect());
        return {
          send: async (frame) => connection.send('dial', [toBytes(frame)]),
          close: () => connection.close('dial'),
        };
      },
    };
  }

  return {
    transport,
    setFaults(faults) {
      world.faults = faults;
    },
    partition(a, b) {
      partitions.add(pair(a, b));
      reconsider();
    },
    heal() {
      partitions.clear();
      reconsider();
    },
    freeze(machine) {
      frozen.add(machine);
      reconsider();
    },
    thaw(machine) {
      frozen.delete(machine);
      reconsider();
    },
    closeConnections(machine) {
      for (const connection of connections)
        if (connection.touches(machine)) connection.close('both');
    },
  };
}

function toKey(routingId: Uint8Array): string {
  return Buffer.from(routingId).toString('hex');
}

function toBytes(frame: OutgoingFrame): Uint8Array {
  return typeof frame === 'string' ? Buffer.from(frame) : frame;
}
