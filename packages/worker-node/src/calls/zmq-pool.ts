import { createReqSocket, type Exchange, type ReqSocket } from './req-socket.ts';

/** The REQ connections of one instance. */
export interface ZmqPool {
  readonly port: number;
  /** Sends one frame over a free connection; waits for one no longer than `timeoutMs`. Never rejects. */
  exchange(text: string, options: { readonly timeoutMs: number }): Promise<Exchange>;
  /** Closes connections that were last used before `sinceMs` (monotonic); true when none is left. */
  closeIdle(sinceMs: number): boolean;
  /** Gives up everything under way. */
  close(): void;
}

interface Slot {
  readonly socket: ReqSocket;
  usedAtMs: number;
}

/** More would not speed up a program that answers one at a time; its later calls wait here, where they can still expire. */
const MAX_CONNECTIONS = 4;

/** Makes an empty pool for one port; the number of callers that wait is the caller's to bound. */
export function createZmqPool(options: { readonly port: number }): ZmqPool {
  const { port } = options;
  const free: Slot[] = [];
  const busy = new Set<Slot>();
  const waiting: ((slot: Slot | undefined) => void)[] = [];

  function take(timeoutMs: number): Slot | Promise<Slot | undefined> {
    const slot = free.pop();
    if (slot !== undefined) return slot;
    if (busy.size < MAX_CONNECTIONS) return { socket: createReqSocket({ port }), usedAtMs: 0 };
    return new Promise((resolve) => {
      const timer = setTimeout(() => leave(undefined), timeoutMs);
      function leave(given: Slot | undefined): void {
        clearTimeout(timer);
        const place = waiting.indexOf(leave);
        if (place >= 0) waiting.splice(place, 1);
        resolve(given);
      }
      waiting.push(leave);
    });
  }

  function giveBack(slot: Slot): void {
    busy.delete(slot);
    slot.usedAtMs = performance.now();
    const next = waiting[0];
    if (next === undefined) {
      free.push(slot);
    } else {
      // Busy from now on, or a caller that comes before the waiting one runs would open one more.
      busy.add(slot);
      next(slot);
    }
  }

  return {
    port,
    async exchange(text, { timeoutMs }) {
      const deadlineMs = performance.now() + timeoutMs;
      const taken = take(timeoutMs);
      const slot = taken instanceof Promise ? await taken : taken;
      if (slot === undefined) return { status: 'expired' };
      busy.add(slot);
      try {
        return await slot.socket.exchange(text, { timeoutMs: deadlineMs - performance.now() });
      } finally {
        giveBack(slot);
      }
    },
    closeIdle(sinceMs) {
      for (const slot of free.filter(({ usedAtMs }) => usedAtMs < sinceMs)) {
        slot.socket.close();
        free.splice(free.indexOf(slot), 1);
      }
      return free.length + busy.size + waiting.length === 0;
    },
    close() {
      for (const leave of waiting.slice()) leave(undefined);
      for (const slot of [...free.splice(0), ...busy]) slot.socket.close();
    },
  };
}
