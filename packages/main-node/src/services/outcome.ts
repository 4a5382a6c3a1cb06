import {
  fromErrorBody,
  type ErrorBody,
  type MeshError,
  type RequestOutcome,
} from '@meshwork/shared';

/** The answer of a request; throws its error where there is none, whatever its status. */
export function unwrapOutcome<Answer>(outcome: RequestOutcome<Answer>): Answer {
  if (outcome.status === 'answered') return outcome.answer;
  throw fromReceivedError(outcome.error);
}

/** An error that a peer sent, as one to throw. */
function fromReceivedError({ code, message, details }: ErrorBody): MeshError {
  return fromErrorBody({
    code,
    message,
    details: details === undefined ? undefined : { ...details },
  });
}
