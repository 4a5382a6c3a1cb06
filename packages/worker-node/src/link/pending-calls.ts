import { MeshError, linkLimits, type Clock, type LinkAnswer } from '@meshwork/shared';
import { outcomeUnknown, unanswered, type Called } from '../calls/call-failure.ts';

/** Calls of ours that an agent works on, by id. */
export interface PendingCalls {
  /** Waits for the answer; rejects with MESH_OUTCOME_UNKNOWN at the deadline. Throws MESH_BUSY at the bound. */
  open(id: string, called: Called, timeoutMs: number): Promise<unknown>;
  /** Ends one call with the agent's answer; false when nobody waits for it. */
  settle(answer: LinkAnswer): boolean;
  /** Ends one call that was not sent. */
  fail(id: string, error: MeshError): void;
  /** Ends all: the program that worked on them is gone. */
  giveUp(why: string): void;
}

/** Codes an agent may answer with; any other is its own and comes as MESH_AGENT_FAILED. */
const agentCodes = [
  'MESH_ACTION_UNKNOWN',
  'MESH_AGENT_FAILED',
  'MESH_INPUT_INVALID',
  'MESH_BUSY',
  'MESH_EXPIRED',
  'MESH_STOPPING',
  'MESH_TOO_LARGE',
] as const;

/** Probes go beside calls, so that a busy agent is still seen to be alive. */
const MAX_PENDING = linkLimits.callsInFlight + 8;

interface Pending {
  readonly called: Called;
  readonly done: AbortController;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: MeshError) => void;
}

/** Makes the empty table of one link. */
export function createPendingCalls(clock: Clock): PendingCalls {
  const pending = new Map<string, Pending>();

  function take(id: string): Pending | undefined {
    const call = pending.get(id);
    if (call === undefined) return undefined;
    pending.delete(id);
    call.done.abort();
    return call;
  }

  async function expire(id: string, timeoutMs: number, done: AbortSignal): Promise<void> {
    try {
      await clock.sleep(timeoutMs, done);
    } catch {
      return;
    }
    const call = take(id);
    call?.reject(unanswered(call.called, timeoutMs));
  }

  return {
    open(id, called, timeoutMs) {
      if (pending.size >= MAX_PENDING)
        throw new MeshError(
          'MESH_BUSY',
          `call ${called.instance} ${called.action}: ${pending.size} calls are already under way`,
        );
      const done = new AbortController();
      return new Promise((resolve, reject) => {
        pending.set(id, { called, done, resolve, reject });
        void expire(id, timeoutMs, done.signal);
      });
    },
    settle(answer) {
      const call = take(answer.id);
      if (call === undefined) return false;
      if (answer.error === undefined) call.resolve(answer.result ?? null);
      else call.reject(toFailure(call.called, answer.error));
      return true;
    },
    fail(id, error) {
      take(id)?.reject(error);
    },
    giveUp(why) {
      for (const id of pending.keys()) {
        const call = take(id);
        call?.reject(outcomeUnknown(call.called, why));
      }
    },
  };
}

function toFailure(
  { instance, action }: Called,
  error: NonNullable<LinkAnswer['error']>,
): MeshError {
  const { code, details } = error;
  const message = `call ${instance} ${action}: ${error.message}`;
  const known = agentCodes.find((own) => own === code);
  if (known !== undefined)
    return new MeshError(known, message, details === undefined ? {} : { details });
  return new MeshError('MESH_AGENT_FAILED', message, { details: { ...details, agentCode: code } });
}
