import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work done in one turn of the event loop before timers and other sockets get theirs. */
const TURN_BYTES = 262_144;
const TURN_FRAMES = 256;

/**
 * Hands over every message until the socket is closed.
 *
 * zeromq.js resolves up to 512 receives in a row without leaving the microtask queue; with full batches that
 * would keep the loop from anything else, so a turn has a budget.
 *
 * The next message is asked for only when all that this one set off has run: zeromq.js looks for messages after each
 * send on a socket that waits for some, and that look costs as much as the send.
 */
export async function receiveAll(
  socket: { receive(): Promise<Buffer[]>; readonly closed: boolean },
  onMessage: (frames: readonly Buffer[]) => void,
): Promise<void> {
  let bytes = 0;
  let frames = 0;
  while (!socket.closed) {
    let message: Buffer[];
    try {
      message = await socket.receive();
    } catch (error) {
      if (socket.closed) return;
      throw error;
    }
    if (socket.closed) return;
    onMessage(message);
    for (const frame of message) bytes += frame.length;
    frames += 1;
    if (bytes >= TURN_BYTES || frames >= TURN_FRAMES) {
      bytes = 0;
      frames = 0;
      await nextTurn();
    } else {
      await allRun();
    }
  }
}

/** Resolves when the promises that are settled now, and those that they settle, have been reacted to. */
function allRun(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
