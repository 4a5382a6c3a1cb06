import type { CloseReason, DialOptions, FrameOutcome } from '@meshwork/shared';
import type { MemoryWorld } from './memory-network.ts';

/** The two ends of a connection. */
export type Side = 'dial' | 'bind';

/** One connection in memory, seen by both ends. */
export interface MemoryConnection {
  readonly routingId: Uint8Array;
  readonly publicKey: string;
  /** Where it was dialled. */
  readonly machine: string;
  readonly serverKey: string;
  connectTo(machine: string): void;
  onBoundSide(events: BoundSide): void;
  open(): void;
  fail(reason: CloseReason): void;
  send(from: Side, frames: readonly Uint8Array[]): FrameOutcome;
  /** This end closes; the other one hears of it unless the way there is cut. */
  close(by: Side | 'both'): void;
  /** A partition, a freeze or their end may change what this connection does. */
  reconsider(): void;
  touches(machine: string): boolean;
  /** Both ends know that it is over. */
  readonly isGone: boolean;
}

/** What the bound end does with this connection. */
export interface BoundSide {
  readonly maxMessageBytes: number;
  deliver(frames: readonly Uint8Array[]): void;
  gone(): void;
}

/** Frames on their way in one direction before a sender is told that there is no room. */
const HIGH_WATER_MARK = 64;

/** How long each end bears silence: as the ZeroMQ sockets do. */
const SILENCE_MS = { dial: 1_500, bind: 10_000 } as const;

/** A connection that is being dialled from `machine`. */
export function createMemoryConnection(
  world: MemoryWorld,
  machine: string,
  options: DialOptions,
): MemoryConnection {
  let boundMachine = '';
  let bound: BoundSide | undefined;
  const isOpen = { dial: false, bind: false };
  let isOver = false;
  const underWay = { dial: 0, bind: 0 };
  const held: { readonly from: Side; readonly frames: readonly Uint8Array[] }[] = [];
  const lastDueMs = { dial: 0, bind: 0 };
  let silence: AbortController | undefined;

  function isCut(): boolean {
    return world.isCut(machine, boundMachine);
  }

  function endDial(reason: CloseReason): void {
    isOpen.dial = false;
    if (isOver) return;
    isOver = true;
    options.onClosed(reason);
  }

  function endBind(): void {
    if (!isOpen.bind) return;
    isOpen.bind = false;
    bound?.gone();
  }

  function carry(from: Side, frames: readonly Uint8Array[]): void {
    const { delayMs = 0, jitterMs = 0, reorders = false } = world.faults;
    const nowMs = world.clock.monotonic();
    let dueMs = nowMs + delayMs + jitterMs * world.random.next();
    if (!reorders) dueMs = Math.max(dueMs, lastDueMs[from]);
    lastDueMs[from] = dueMs;
    underWay[from] += 1;
    const arrive = (): void => {
      underWay[from] -= 1;
      arriveAt(from, frames);
    };
    if (dueMs <= nowMs) setImmediate(arrive);
    else void world.clock.sleep(dueMs - nowMs, new AbortController().signal).then(arrive);
  }

  function arriveAt(from: Side, frames: readonly Uint8Array[]): void {
    if (isCut()) {
      held.push({ from, frames });
      return;
    }
    const to = from === 'dial' ? 'bind' : 'dial';
    if (!isOpen[to]) return;
    const size = frames.reduce((sum, frame) => sum + frame.length, 0);
    const limit = to === 'bind' ? (bound?.maxMessageBytes ?? 0) : options.maxMessageBytes;
    if (size > limit) return connection.close('both');
    if (to === 'bind') bound?.deliver(frames);
    else if (!isOver) options.onFrames(frames);
  }

  async function watchSilence(signal: AbortSignal): Promise<void> {
    try {
      await world.clock.sleep(SILENCE_MS.dial, signal);
      endDial('closed');
      await world.clock.sleep(SILENCE_MS.bind - SILENCE_MS.dial, signal);
      endBind();
    } catch {
      // Healed in time.
    }
  }

  const connection: MemoryConnection = {
    routingId: options.routingId,
    publicKey: options.keys.publicKey,
    serverKey: options.serverKey,
    machine,
    connectTo(other) {
      boundMachine = other;
    },
    onBoundSide(events) {
      bound = events;
      isOpen.bind = true;
    },
    open() {
      if (isOver) return endBind();
      isOpen.dial = true;
      options.onOpen();
      connection.reconsider();
    },
    fail: endDial,
    send(from, frames) {
      if (!isOpen[from]) return 'closed';
      const waiting = held.reduce((count, frame) => count + (frame.from === from ? 1 : 0), 0);
      if (underWay[from] + waiting >= HIGH_WATER_MARK) return 'full';
      const { dropRatio = 0, duplicateRatio = 0 } = world.faults;
      if (world.random.next() < dropRatio) return 'sent';
      carry(from, frames);
      if (world.random.next() < duplicateRatio) carry(from, frames);
      return 'sent';
    },
    close(by) {
      if (by === 'dial') {
        isOver = true;
        isOpen.dial = false;
      }
      if (by === 'both' || (by === 'dial' && !isCut())) endBind();
      if (by === 'bind') endBind();
      if (by === 'both' || (by === 'bind' && !isCut())) endDial('closed');
    },
    reconsider() {
      if (isCut()) {
        if (silence !== undefined) return;
        silence = new AbortController();
        void watchSilence(silence.signal);
        return;
      }
      silence?.abort();
      silence = undefined;
      // Its next packet would be answered with a reset.
      if (isOver) endBind();
      for (const { from, frames } of held.splice(0)) carry(from, frames);
    },
    touches: (name) => name === machine || name === boundMachine,
    get isGone() {
      return isOver && !isOpen.bind;
    },
  };
  return connection;
}
