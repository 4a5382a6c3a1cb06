import {
  AgentLinkMessage,
  decodeLinkFrame,
  type Clock,
  type Epoch,
  type InstanceId,
  type Logger,
  type NodeLinkMessage,
  type NodeName,
} from '@meshwork/shared';
import { notReady, type Called } from '../calls/call-failure.ts';
import { stepLink, type LinkEffect, type LinkEvent, type LinkState } from '../core/step-link.ts';
import type { CallAsk } from '../services/ports.ts';
import { createAgentCalls, type RouteAgentCall } from './agent-calls.ts';
import { createLinkSocket } from './link-socket.ts';
import { isSameToken } from './link-token.ts';
import type { LinkMetrics } from './metrics.ts';
import { createPendingCalls } from './pending-calls.ts';

/** Which link of which run. */
export interface LinkIdentity {
  readonly node: NodeName;
  readonly instance: InstanceId;
  readonly epoch: Epoch;
  readonly token: string;
}

/** What one link needs; the callbacks must not throw. */
export interface InstanceLinkDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: LinkMetrics;
  readonly route: RouteAgentCall;
  onReady(): void;
  onProgress(detail: string | undefined): void;
}

/** The node's end of one instance's link in one epoch. */
export interface InstanceLink {
  readonly identity: LinkIdentity;
  readonly state: LinkState;
  open(socketPath: string): Promise<void>;
  /** Rejects as `Caller.call` does. */
  call(
    ask: CallAsk,
    options: { readonly timeoutMs: number; readonly id: string },
  ): Promise<unknown>;
  /** Tells the agent that no new calls will come. */
  drain(): void;
  close(): Promise<void>;
}

/** Refusals are an agent's mistake that repeats itself; each link tells the first ones and counts the rest. */
const MAX_WARNINGS = 3;

/** Makes one link; it listens from `open` to `close`. */
export function createInstanceLink(deps: InstanceLinkDeps, identity: LinkIdentity): InstanceLink {
  const { metrics } = deps;
  const { instance } = identity;
  const logger = deps.logger.child({ instance });
  const pending = createPendingCalls(deps.clock);
  const agentCalls = createAgentCalls(deps.route, instance);
  const socket = createLinkSocket({
    onFrame,
    onOddFrame: () => metrics.framesDropped.inc({ why: 'odd' }),
  });
  let state: LinkState = { status: 'open' };
  let warnings = 0;

  function onFrame(peer: string, text: string): void {
    const frame = decodeLinkFrame(AgentLinkMessage, text);
    if (!frame.ok) {
      metrics.framesDropped.inc({ why: 'invalid' });
      warn({ reason: frame.reason }, 'an agent sent a frame that is no message of the link');
      return;
    }
    const { message } = frame;
    const isSpeaker = apply(toEvent(peer, message));
    if (!isSpeaker) metrics.framesDropped.inc({ why: 'unknown-peer' });
    else if (message.kind === 'answer' && !pending.settle(message))
      metrics.framesDropped.inc({ why: 'late-answer' });
    else if (message.kind === 'call') void answerAgent(peer, message);
    else if (message.kind === 'progress') deps.onProgress(message.detail);
  }

  function toEvent(peer: string, message: AgentLinkMessage): LinkEvent {
    switch (message.kind) {
      case 'hello':
        return {
          type: 'hello',
          peer,
          hello: message,
          hasToken: isSameToken(message.token, identity.token),
        };
      case 'not-ready':
        return { type: 'not-ready', peer, reason: message.reason };
      case 'ready':
      case 'bye':
        return { type: message.kind, peer };
      case 'answer':
      case 'call':
      case 'progress':
        return { type: 'frame', peer };
      default:
        return message satisfies never;
    }
  }

  /** Whether the frame came from the connection that speaks for the instance. */
  function apply(event: LinkEvent): boolean {
    const before = state;
    const step = stepLink(state, event);
    state = step.state;
    for (const effect of step.effects) carryOut(effect);
    const speaker = before.status === 'connected' ? before.agent.peer : undefined;
    return event.type === 'hello' || event.type === 'gone' || speaker === event.peer;
  }

  function carryOut(effect: LinkEffect): void {
    const { node, epoch } = identity;
    switch (effect.type) {
      case 'welcome':
        logger.info({}, 'agent connected over its link');
        return tell(effect.peer, {
          kind: 'welcome',
          protocol: effect.protocol,
          node,
          instance,
          epoch,
        });
      case 'refuse':
        metrics.hellosRefused.inc({ why: effect.why });
        warn({ why: effect.why }, 'refused a connection on an agent link');
        return tell(effect.peer, { kind: 'refused', error: toRefusal(instance, effect.why) });
      case 'ask-hello':
        return tell(effect.peer, { kind: 'hello?' });
      case 'give-up-calls':
        return pending.giveUp('the program that worked on it is gone');
      case 'tell-ready':
        return deps.onReady();
      default:
        return effect satisfies never;
    }
  }

  async function answerAgent(
    peer: string,
    call: AgentLinkMessage & { readonly kind: 'call' },
  ): Promise<void> {
    const answer = await agentCalls.answer(call);
    // By now the agent may be connected anew: the answer goes where it listens.
    const speaker = state.status === 'connected' ? state.agent.peer : peer;
    if (answer !== undefined) tell(speaker, answer);
  }

  function tell(peer: string, message: NodeLinkMessage): void {
    void socket.send(peer, JSON.stringify(message)).then((sent) => {
      if (sent === 'gone') apply({ type: 'gone', peer });
    });
  }

  function warn(fields: Readonly<Record<string, unknown>>, sentence: string): void {
    warnings += 1;
    if (warnings <= MAX_WARNINGS) logger.warn(fields, sentence);
  }

  async function send(ask: CallAsk, id: string, timeoutMs: number): Promise<void> {
    const called: Called = { instance, action: ask.action };
    if (state.status === 'open')
      return pending.fail(id, notReady(called, 'its SDK is not connected'));
    const { peer } = state.agent;
    const { action, args, caller } = ask;
    const message: NodeLinkMessage = {
      kind: 'call',
      id,
      action,
      args,
      timeoutMs,
      ...(caller === undefined ? {} : { caller }),
    };
    const sent = await socket.send(peer, JSON.stringify(message));
    if (sent === 'sent') return;
    if (sent === 'gone') apply({ type: 'gone', peer });
    const why = sent === 'gone' ? 'its connection is gone' : 'it does not take any more messages';
    pending.fail(id, notReady(called, why));
  }

  return {
    identity,
    get state() {
      return state;
    },
    open: (socketPath) => socket.open(socketPath),
    async call(ask, { timeoutMs, id }) {
      const answered = pending.open(id, { instance, action: ask.action }, timeoutMs);
      const [result] = await Promise.all([answered, send(ask, id, timeoutMs)]);
      return result;
    },
    drain() {
      if (state.status === 'connected') tell(state.agent.peer, { kind: 'drain' });
    },
    async close() {
      agentCalls.close();
      pending.giveUp('the node is stopping');
      await socket.close();
    },
  };
}

function toRefusal(
  instance: InstanceId,
  why: 'token' | 'protocol' | 'replaced',
): { readonly code: string; readonly message: string } {
  const words = {
    token: 'the token (MESH_TOKEN) is not that of its present epoch',
    protocol: 'it speaks no version of the link that this node speaks',
    replaced: 'another process connected as the same instance',
  };
  return { code: 'MESH_LINK_REFUSED', message: `agent link of ${instance}: ${words[why]}` };
}
