import {
  MeshError,
  type BindOptions,
  type Clock,
  type FrameOutcome,
  type OutgoingFrame,
  type RouterSocket,
  type Transport,
} from '@meshwork/shared';

/** The socket of a hub over the times it is closed and bound again. */
export interface HubPort {
  /** `wasOurs`: a socket of this process held the port a moment ago and may not have let go of it yet. */
  open(
    hosts: readonly string[],
    port: number,
    options?: { readonly wasOurs: boolean },
  ): Promise<void>;
  /** Binds more hosts on the same port: all of them or none. */
  listen(hosts: readonly string[]): Promise<void>;
  /** Closes every connection and binds the same endpoints again. */
  rebind(signal: AbortSignal): Promise<void>;
  send(to: Uint8Array, frame: OutgoingFrame): Promise<FrameOutcome>;
  close(options?: { readonly lingerMs: number }): void;
  readonly port: number;
}

/** How long after a close the endpoints may still be taken by ourselves. */
const REBIND_TRIES = 200;
const REBIND_EVERY_MS = 10;

/** After binding again, peers that did not come back by now are closed. */
const COME_BACK_MS = 1_500;

/** A hub's socket, not open yet. */
export function createHubPort(
  deps: { readonly transport: Transport; readonly clock: Pick<Clock, 'monotonic' | 'sleep'> },
  options: Omit<BindOptions, 'endpoints'>,
): HubPort {
  const { transport, clock } = deps;
  let socket: RouterSocket | undefined;
  let hosts: string[] = [];
  let port = 0;
  let reboundAtMs = Number.NEGATIVE_INFINITY;

  /** The first host decides the port where it is free to choose. */
  async function bind(): Promise<RouterSocket> {
    const [first, ...others] = hosts;
    if (first === undefined)
      throw new MeshError('MESH_INPUT_INVALID', 'a hub needs a host to bind');
    const bound = await transport.bind({ ...options, endpoints: [toEndpoint(first, port)] });
    try {
      port = portOf(bound.endpoints[0] ?? '');
      for (const host of others) bound.listen(toEndpoint(host, port));
      return bound;
    } catch (error) {
      bound.close();
      throw error;
    }
  }

  async function bindAgain(signal: AbortSignal): Promise<RouterSocket> {
    for (let tries = REBIND_TRIES; ; tries -= 1) {
      try {
        return await bind();
      } catch (error) {
        const isTaken = error instanceof MeshError && error.code === 'MESH_PORT_TAKEN';
        if (!isTaken || tries === 0) throw error;
        await clock.sleep(REBIND_EVERY_MS, signal);
      }
    }
  }

  async function rebind(signal: AbortSignal): Promise<void> {
    socket?.close();
    socket = undefined;
    const next = await bindAgain(signal);
    reboundAtMs = clock.monotonic();
    socket = next;
  }

  return {
    async open(newHosts, newPort, { wasOurs } = { wasOurs: false }) {
      hosts = [...newHosts];
      port = newPort;
      socket = await (wasOurs ? bindAgain(new AbortController().signal) : bind());
    },
    async listen(more) {
      const added = more.filter((host) => !hosts.includes(host));
      const before = hosts;
      try {
        for (const host of added) {
          socket?.listen(toEndpoint(host, port));
          hosts = [...hosts, host];
        }
      } catch (error) {
        // Endpoints cannot be unbound one by one while frames arrive.
        const wasChanged = hosts.length > before.length;
        hosts = before;
        if (wasChanged) await rebind(new AbortController().signal);
        throw error;
      }
    },
    rebind,
    send(to, frame) {
      if (socket === undefined) return Promise.resolve('full');
      const sending = socket.send(to, frame);
      if (clock.monotonic() - reboundAtMs >= COME_BACK_MS) return sending;
      return sending.then((outcome) => (outcome === 'closed' ? 'full' : outcome));
    },
    close: (closeOptions) => socket?.close(closeOptions),
    get port() {
      return port;
    },
  };
}

function toEndpoint(host: string, port: number): string {
  return host.includes(':') ? `tcp://[${host}]:${port}` : `tcp://${host}:${port}`;
}

function portOf(endpoint: string): number {
  return Number(endpoint.slice(endpoint.lastIndexOf(':') + 1));
}
