import type { FrameOutcome } from '@meshwork/shared';
import { errorCode } from './zmq-options.ts';

/**
 * Sends on a socket whose `sendTimeout` is 0 and says how it ended.
 *
 * With that timeout zeromq.js sends before it returns, so calls that overlap are legal; only the outcome is a
 * promise.
 */
export async function sendNow<Message>(
  socket: { send(message: Message): Promise<void> },
  message: Message,
): Promise<FrameOutcome> {
  try {
    await socket.send(message);
    return 'sent';
  } catch (error) {
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
}
