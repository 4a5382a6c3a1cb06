import { linkLimits, type LinkAnswer, type LinkNodeCall } from '@meshwork/shared';
import type { z } from 'zod';
import type { ActionContext } from './agent.ts';
import { AgentError } from './agent-error.ts';
import { toLinkError } from './to-link-error.ts';

/** One declared action, with its types forgotten. */
export interface DeclaredAction {
  readonly input: z.ZodType;
  readonly output: z.ZodType | undefined;
  handler(input: unknown, context: ActionContext): unknown;
}

/** The actions of an agent, and the calls that run. */
export interface ActionTable {
  declare(name: string, action: DeclaredAction): void;
  readonly names: readonly string[];
  /** Calls that run now. */
  readonly running: number;
  /** Runs one call; undefined when it repeats one that runs, which answers for both. Never rejects. */
  answer(call: LinkNodeCall): Promise<LinkAnswer | undefined>;
  /** New calls are answered MESH_STOPPING from now on; resolves when none runs any more. */
  drain(): Promise<void>;
  /** Aborts the signals of those that still run. */
  abort(): void;
}

/** Makes an empty table; `health` is what the built-in `health` and `health_check` answer. */
export function createActionTable(health: () => unknown): ActionTable {
  const actions = new Map<string, DeclaredAction>();
  const running = new Set<string>();
  const aborting = new AbortController();
  const drained: (() => void)[] = [];
  let isDraining = false;

  async function run(action: DeclaredAction, call: LinkNodeCall): Promise<unknown> {
    const untilMs = performance.now() + call.timeoutMs;
    const input = await action.input.safeParseAsync(call.args);
    if (!input.success)
      throw new AgentError(
        'MESH_INPUT_INVALID',
        describe('the arguments do not fit', input.error),
        {
          details: { problems: toProblems(input.error) },
        },
      );
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(new AgentError('MESH_EXPIRED', 'the caller’s time is over')),
      call.timeoutMs,
    );
    try {
      const result = await action.handler(input.data, {
        signal: AbortSignal.any([deadline.signal, aborting.signal]),
        remainingMs: () => Math.max(0, untilMs - performance.now()),
        caller: call.caller,
      });
      return await checkOutput(action, result);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends a call that may not run, or gives what runs it. */
  function admit(call: LinkNodeCall): DeclaredAction | AgentError {
    const action = actions.get(call.action);
    if (action === undefined) {
      const known = [...actions.keys(), ...Object.keys(builtIn)].join(', ');
      return new AgentError(
        'MESH_ACTION_UNKNOWN',
        `no action "${call.action}"; there are ${known}`,
      );
    }
    if (isDraining) return new AgentError('MESH_STOPPING', 'the agent is stopping');
    if (running.size >= linkLimits.callsInFlight)
      return new AgentError('MESH_BUSY', `${running.size} calls are already under way`);
    return action;
  }

  const builtIn: Readonly<Record<string, () => unknown>> = {
    ping: () => ({ ok: true }),
    health,
    health_check: health,
  };

  return {
    declare(name, action) {
      if (name === 'ping') throw new TypeError('the action "ping" is built in');
      if (actions.has(name)) throw new TypeError(`the action "${name}" is declared already`);
      if (actions.size >= linkLimits.actions)
        throw new RangeError(`an agent has at most ${linkLimits.actions} actions`);
      actions.set(name, action);
    },
    get names() {
      return [...actions.keys()];
    },
    get running() {
      return running.size;
    },
    async answer(call) {
      const { id } = call;
      if (running.has(id)) return undefined;
      const own = actions.has(call.action) ? undefined : builtIn[call.action];
      if (own !== undefined) return { kind: 'answer', id, result: own() };
      const action = admit(call);
      if (action instanceof AgentError) return { kind: 'answer', id, error: toLinkError(action) };
      running.add(id);
      try {
        return bounded({ kind: 'answer', id, result: (await run(action, call)) ?? null });
      } catch (error) {
        return { kind: 'answer', id, error: toLinkError(error) };
      } finally {
        running.delete(id);
        if (running.size === 0) for (const resolve of drained.splice(0)) resolve();
      }
    },
    drain() {
      isDraining = true;
      if (running.size === 0) return Promise.resolve();
      return new Promise((resolve) => drained.push(resolve));
    },
    abort() {
      aborting.abort(new AgentError('MESH_STOPPING', 'the agent is stopping'));
    },
  };
}

async function checkOutput(action: DeclaredAction, result: unknown): Promise<unknown> {
  if (action.output === undefined) return result;
  const output = await action.output.safeParseAsync(result);
  if (output.success) return output.data;
  throw new AgentError('OUTPUT_INVALID', describe('the answer does not fit', output.error), {
    details: { problems: toProblems(output.error) },
  });
}

function bounded(answer: LinkAnswer): LinkAnswer {
  const bytes = Buffer.byteLength(JSON.stringify(answer.result));
  if (bytes <= linkLimits.answerBytes) return answer;
  const error = new AgentError(
    'MESH_TOO_LARGE',
    `the answer has ${bytes} bytes, at most ${linkLimits.answerBytes} can be sent; the action ran`,
    { details: { ran: true } },
  );
  return { kind: 'answer', id: answer.id, error: toLinkError(error) };
}

function toProblems(error: z.ZodError): { path: string; reason: string }[] {
  return error.issues
    .slice(0, 20)
    .map(({ path, message }) => ({ path: path.map(String).join('.'), reason: message }));
}

function describe(words: string, error: z.ZodError): string {
  const [first] = toProblems(error);
  if (first === undefined) return words;
  return `${words}: ${first.path === '' ? '' : `${first.path}: `}${first.reason}`;
}
