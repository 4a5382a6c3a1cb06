import { MeshError, linkLimits } from '@meshwork/shared';

/** What is called, for the messages of failures. */
export interface Called {
  readonly instance: string;
  readonly action: string;
}

/** The call was not sent: nothing listens where the agent is to be reached. */
export function notReady({ instance, action }: Called, reason: string): MeshError {
  return new MeshError('MESH_AGENT_NOT_READY', `call ${instance} ${action}: ${reason}`);
}

/** The call was not sent within its time. */
export function expired({ instance, action }: Called, timeoutMs: number): MeshError {
  return new MeshError(
    'MESH_EXPIRED',
    `call ${instance} ${action}: not sent within ${Math.round(timeoutMs)} ms; it did not run`,
  );
}

/** The call was sent, and how it ended is not known. */
export function outcomeUnknown({ instance, action }: Called, why: string): MeshError {
  return new MeshError(
    'MESH_OUTCOME_UNKNOWN',
    `call ${instance} ${action}: ${why}; it may have run`,
  );
}

/** The call was sent and not answered within its time. */
export function unanswered(called: Called, timeoutMs: number): MeshError {
  return outcomeUnknown(called, `sent, and no answer within ${Math.round(timeoutMs)} ms`);
}

/** The action ran and its answer is over the bound. */
export function answerTooLarge({ instance, action }: Called): MeshError {
  return new MeshError(
    'MESH_TOO_LARGE',
    `call ${instance} ${action}: the answer is larger than ${linkLimits.answerBytes} bytes; the action ran`,
    { details: { ran: true } },
  );
}
