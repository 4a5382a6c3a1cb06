import { MeshError, linkLimits, type LinkAnswer, type LinkWelcome } from '@meshwork/shared';
import { createActionTable } from './action-table.ts';
import type { Agent } from './agent.ts';
import type { LinkAddress } from './link-address.ts';
import { openLinkSession } from './link-session.ts';
import { createOutgoingCalls } from './outgoing-calls.ts';

/** An agent whose link is open, and the node's first welcome. */
export interface OpenedAgent {
  readonly agent: Agent;
  /** Rejects when the node refuses this program before it has welcomed it. */
  readonly welcomed: Promise<LinkWelcome>;
}

/** How long calls under way may take once the agent is to end: less than the default grace of a fleet file, 10 s. */
const DRAIN_MS = 8000;

/** Opens the link of an agent. Its `instance`, `node` and `epoch` are empty until it is welcomed. */
export function createAgent(address: LinkAddress, options: { readonly pid: number }): OpenedAgent {
  const startedMs = performance.now();
  const closed = new AbortController();
  const calls = createOutgoingCalls();
  const welcomed = Promise.withResolvers<LinkWelcome>();
  let ready = false;
  let notReadyReason: string | undefined;
  let place: Pick<LinkWelcome, 'instance' | 'node' | 'epoch'> | undefined;
  let closing: Promise<void> | undefined;

  const table = createActionTable(() => ({
    status: ready ? 'ready' : 'not-ready',
    ...(notReadyReason === undefined ? {} : { reason: notReadyReason }),
    uptimeMs: Math.round(performance.now() - startedMs),
    actions: table.names,
    callsInFlight: table.running,
  }));

  const session = openLinkSession(
    address,
    () => ({ pid: options.pid, actions: table.names, ready }),
    {
      onWelcome(welcome) {
        place = welcome;
        tellNotReady();
        welcomed.resolve(welcome);
      },
      onCall(call) {
        void table.answer(call).then((answer) => {
          if (answer !== undefined) session.send(() => toSendable(answer));
        });
      },
      onAnswer(answer) {
        calls.settle(answer);
      },
      onDrain() {
        void table.drain();
      },
      onEnd(error) {
        welcomed.reject(error);
        end(error);
        void session.close();
      },
    },
  );

  function tellNotReady(): void {
    if (notReadyReason !== undefined)
      session.sendNow({ kind: 'not-ready', reason: notReadyReason });
  }

  function end(reason: MeshError): void {
    calls.giveUp(reason);
    table.abort();
    closed.abort(reason);
  }

  async function close(drainMs: number): Promise<void> {
    await within(table.drain(), drainMs);
    end(new MeshError('MESH_STOPPING', 'the agent closed its link'));
    await session.close();
  }

  const agent: Agent = {
    get instance() {
      return place?.instance ?? '';
    },
    get node() {
      return place?.node ?? '';
    },
    get epoch() {
      return place?.epoch ?? '';
    },
    closed: closed.signal,
    action(name, { input, output }, handler) {
      table.declare(name, {
        input,
        output,
        // What arrives was parsed by the very schema that gives the handler's parameter its type.
        handler: (value, context) => handler(value as Parameters<typeof handler>[0], context),
      });
      session.renew();
    },
    call(target, action, args = {}, { timeoutMs = linkLimits.defaultTimeoutMs } = {}) {
      if (closed.signal.aborted) return Promise.reject(closed.signal.reason as MeshError);
      return calls.call({ target, action, args, timeoutMs }, session.send);
    },
    ready() {
      ready = true;
      notReadyReason = undefined;
      session.sendNow({ kind: 'ready' });
    },
    notReady(reason) {
      ready = false;
      notReadyReason = reason.slice(0, linkLimits.textChars);
      tellNotReady();
    },
    progress(detail) {
      const said = detail?.slice(0, linkLimits.textChars);
      session.sendNow({ kind: 'progress', ...(said === undefined ? {} : { detail: said }) });
    },
    close({ drainMs = DRAIN_MS } = {}) {
      closing ??= close(drainMs);
      return closing;
    },
  };
  return { agent, welcomed: welcomed.promise };
}

/** Details that are not JSON are left out rather than the answer. */
function toSendable(answer: LinkAnswer): LinkAnswer {
  if (answer.error?.details === undefined) return answer;
  try {
    JSON.stringify(answer.error.details);
    return answer;
  } catch {
    const { code, message } = answer.error;
    return { kind: 'answer', id: answer.id, error: { code, message } };
  }
}

async function within(done: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([done, deadline]);
  clearTimeout(timer);
}
