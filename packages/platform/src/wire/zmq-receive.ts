import { errorCode } from './zmq-options.ts';

/** Work done in one turn of the event loop before timers and other sockets get theirs. */
const TURN_BYTES = 262_144;
const TURN_FRAMES = 256;

/**
 * Hands over every message until the socket is closed; one that was under way then may still come.
 *
 * zeromq.js resolves up to 512 receives in a row without leaving the microtask queue; with full batches that
 * would keep the loop from anything else, so a turn has a budget.
 *
 * The next message is asked for only when all that this one set off has run: zeromq.js looks for messages after each
 * send on a socket that waits for some, and that look costs as much as the send.
 */
export function receiveAll(
  socket: { receive(): Promise<Buffer[]>; readonly closed: boolean },
  onMessage: (frames: readonly Buffer[]) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let bytes = 0;
  let frames = 0;

  // Callbacks and not a loop that awaits: this runs for each frame, and each await of a loop costs three promises.
  function next(): void {
    try {
      socket.receive().then(handle, fail);
    } catch (error) {
      fail(error);
    }
  }

  function handle(message: readonly Buffer[]): void {
    try {
      onMessage(message);
    } catch (error) {
      return reject(error as Error);
    }
    for (const frame of message) bytes += frame.length;
    frames += 1;
    if (bytes < TURN_BYTES && frames < TURN_FRAMES) return process.nextTick(next);
    bytes = 0;
    frames = 0;
    setImmediate(next);
  }

  function fail(error: unknown): void {
    if (socket.closed || errorCode(error) === 'EBADF') resolve();
    else reject(error as Error);
  }

  next();
  return promise;
}
