/*
 * One agent link, as its instance's node sees it: which connection speaks for the instance, and whether it serves.
 * At most one connection does; a frame of any other never changes anything.
 */
import { linkProtocol, type LinkHello } from '@meshwork/shared';

/** The program at the other end of the connection that speaks for the instance. */
export interface LinkedAgent {
  /** Routing id of the connection, hexadecimal. */
  readonly peer: string;
  readonly pid: number;
  readonly sdk: LinkHello['sdk'];
  readonly actions: ReadonlySet<string>;
  readonly isReady: boolean;
  /** Why it does not serve, where it said so. */
  readonly notReadyReason?: string;
}

/** Whether a program with SDK is connected. `lastPid`: of the process that was, and may come back. */
export type LinkState =
  | { readonly status: 'open'; readonly lastPid?: number }
  | { readonly status: 'connected'; readonly agent: LinkedAgent };

/** What came over the socket, already decoded. `hasToken`: the hello carried this epoch's token. */
export type LinkEvent =
  | {
      readonly type: 'hello';
      readonly peer: string;
      readonly hello: LinkHello;
      readonly hasToken: boolean;
    }
  | { readonly type: 'ready'; readonly peer: string }
  | { readonly type: 'not-ready'; readonly peer: string; readonly reason: string }
  | { readonly type: 'bye'; readonly peer: string }
  /** Any other frame of a connection. */
  | { readonly type: 'frame'; readonly peer: string }
  /** A send failed: the connection is gone. */
  | { readonly type: 'gone'; readonly peer: string };

/** What the shell has to do. */
export type LinkEffect =
  | { readonly type: 'welcome'; readonly peer: string; readonly protocol: number }
  | {
      readonly type: 'refuse';
      readonly peer: string;
      readonly why: 'token' | 'protocol' | 'replaced';
    }
  | { readonly type: 'ask-hello'; readonly peer: string }
  /** The program that had calls of ours is gone; how they end is not known. */
  | { readonly type: 'give-up-calls' }
  | { readonly type: 'tell-ready' };

/** The new state, what to do, and whether the frame's content counts. */
export interface LinkStep {
  readonly state: LinkState;
  readonly effects: readonly LinkEffect[];
}

/**
 * Moves one link on.
 *
 * Pure. A hello with the token takes over from an older connection, which is told so; calls stay open over a new connection
 * of the same process, and are given up when another process answers for the instance.
 */
export function stepLink(state: LinkState, event: LinkEvent): LinkStep {
  if (event.type === 'hello') return onHello(state, event);
  if (state.status === 'open' || state.agent.peer !== event.peer) {
    const isAnswered = event.type === 'bye' || event.type === 'gone';
    return { state, effects: isAnswered ? [] : [{ type: 'ask-hello', peer: event.peer }] };
  }
  const { agent } = state;
  switch (event.type) {
    case 'ready': {
      const { notReadyReason: _, ...rest } = agent;
      const effects: LinkEffect[] = agent.isReady ? [] : [{ type: 'tell-ready' }];
      return { state: { status: 'connected', agent: { ...rest, isReady: true } }, effects };
    }
    case 'not-ready':
      return {
        state: {
          status: 'connected',
          agent: { ...agent, isReady: false, notReadyReason: event.reason },
        },
        effects: [],
      };
    case 'bye':
      return { state: { status: 'open' }, effects: [{ type: 'give-up-calls' }] };
    case 'gone':
      return { state: { status: 'open', lastPid: agent.pid }, effects: [] };
    case 'frame':
      return { state, effects: [] };
    default:
      return event satisfies never;
  }
}

function onHello(state: LinkState, event: LinkEvent & { readonly type: 'hello' }): LinkStep {
  const { peer, hello } = event;
  if (!event.hasToken) return { state, effects: [{ type: 'refuse', peer, why: 'token' }] };
  const protocol = Math.min(hello.protocol.max, linkProtocol.max);
  if (protocol < Math.max(hello.protocol.min, linkProtocol.min))
    return { state, effects: [{ type: 'refuse', peer, why: 'protocol' }] };
  const effects: LinkEffect[] = [{ type: 'welcome', peer, protocol }];
  const lastPid = state.status === 'connected' ? state.agent.pid : state.lastPid;
  if (lastPid !== undefined && lastPid !== hello.pid) {
    effects.push({ type: 'give-up-calls' });
    if (state.status === 'connected' && state.agent.peer !== peer)
      effects.push({ type: 'refuse', peer: state.agent.peer, why: 'replaced' });
  }
  if (hello.ready) effects.push({ type: 'tell-ready' });
  const agent: LinkedAgent = {
    peer,
    pid: hello.pid,
    sdk: hello.sdk,
    actions: new Set(hello.actions),
    isReady: hello.ready,
  };
  return { state: { status: 'connected', agent }, effects };
}
