import { MeshError, fromErrorBody, linkLimits, type LinkAnswer } from '@meshwork/shared';

/** Calls of ours that others work on. */
export interface OutgoingCalls {
  /**
   * Sends one call and waits for its answer.
   *
   * `send` resolves when the message left, which may be later than now: then the call is sent with what is left of its time.
   */
  call(
    ask: {
      readonly target: string;
      readonly action: string;
      readonly args: Readonly<Record<string, unknown>>;
      readonly timeoutMs: number;
    },
    send: OutgoingSend,
  ): Promise<unknown>;
  /** Ends the call that this answers; false when nobody waits for it. */
  settle(answer: LinkAnswer): boolean;
  /** Ends all calls: the link is gone for good. */
  giveUp(reason: MeshError): void;
}

/** Makes a message leave as soon as the link stands. `toMessage` is asked when it does; undefined: not wanted any more. */
export type OutgoingSend = (toMessage: () => object | undefined) => void;

interface Pending {
  readonly words: string;
  readonly timer: NodeJS.Timeout;
  isSent: boolean;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: MeshError) => void;
}

/** Makes the empty table of one link. */
export function createOutgoingCalls(): OutgoingCalls {
  const pending = new Map<string, Pending>();
  let lastId = 0;

  function take(id: string): Pending | undefined {
    const call = pending.get(id);
    if (call === undefined) return undefined;
    pending.delete(id);
    clearTimeout(call.timer);
    return call;
  }

  function expire(id: string, timeoutMs: number): void {
    const call = take(id);
    if (call === undefined) return;
    const within = `within ${Math.round(timeoutMs)} ms`;
    call.reject(
      call.isSent
        ? new MeshError(
            'MESH_OUTCOME_UNKNOWN',
            `${call.words}: no answer ${within}; it may have run`,
          )
        : new MeshError('MESH_EXPIRED', `${call.words}: not sent ${within}; it did not run`),
    );
  }

  return {
    call({ target, action, args, timeoutMs }, send) {
      const words = `call ${target} ${action}`;
      const problem = check(words, args, timeoutMs, pending.size);
      if (problem !== undefined) return Promise.reject(problem);
      const id = `${(lastId += 1)}`;
      const untilMs = performance.now() + timeoutMs;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => expire(id, timeoutMs), timeoutMs);
        const call: Pending = { words, timer, isSent: false, resolve, reject };
        pending.set(id, call);
        send(() => {
          if (!pending.has(id)) return undefined;
          call.isSent = true;
          const leftMs = Math.max(1, untilMs - performance.now());
          return { kind: 'call', id, target, action, args, timeoutMs: leftMs };
        });
      });
    },
    settle(answer) {
      const call = take(answer.id);
      if (call === undefined) return false;
      if (answer.error === undefined) call.resolve(answer.result ?? null);
      else call.reject(fromErrorBody(answer.error));
      return true;
    },
    giveUp(reason) {
      for (const id of pending.keys()) take(id)?.reject(reason);
    },
  };
}

function check(
  words: string,
  args: Readonly<Record<string, unknown>>,
  timeoutMs: number,
  underWay: number,
): MeshError | undefined {
  if (!(timeoutMs > 0 && timeoutMs <= linkLimits.maxTimeoutMs))
    return new MeshError(
      'MESH_INPUT_INVALID',
      `${words}: timeoutMs must be above 0 and at most ${linkLimits.maxTimeoutMs}`,
    );
  if (underWay >= linkLimits.callsInFlight)
    return new MeshError('MESH_BUSY', `${words}: ${underWay} calls are already under way`);
  if (Buffer.byteLength(JSON.stringify(args)) > linkLimits.argsBytes)
    return new MeshError(
      'MESH_TOO_LARGE',
      `${words}: the arguments are larger than ${linkLimits.argsBytes} bytes`,
    );
  return undefined;
}
