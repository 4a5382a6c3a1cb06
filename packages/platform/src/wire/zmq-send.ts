import type { FrameOutcome } from '@meshwork/shared';
import { errorCode } from './zmq-options.ts';

/**
 * Sends on a socket whose `sendTimeout` is 0 and says how it ended.
 *
 * With that timeout zeromq.js sends before it returns, so calls that overlap are legal; only the outcome is a
 * promise. Text costs less than a buffer of the same bytes: the thread that sent a buffer has to wake this one up to
 * have it freed.
 */
export function sendNow<Message>(
  socket: { send(message: Message): Promise<void> },
  message: Message,
): Promise<FrameOutcome> {
  try {
    return socket.send(message).then(toSent, toFailure);
  } catch (error) {
    return Promise.resolve(toFailure(error));
  }
}

function toSent(): FrameOutcome {
  return 'sent';
}

function toFailure(error: unknown): FrameOutcome {
  switch (errorCode(error)) {
    case 'EAGAIN':
      return 'full';
    case 'EHOSTUNREACH':
    case 'EBADF':
      return 'closed';
    default:
      throw error;
  }
}
