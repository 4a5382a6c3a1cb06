/** A plain zeromq.js DEALER that calls the echo, a message a call. */
import { Dealer } from './plain-zeromq.ts';
import { serveLoad } from './client.ts';

const dealer = new Dealer();
dealer.connect(process.argv[2] ?? '');
const waiting = new Map<string, () => void>();
let count = 0;

/** Concurrent sends are illegal, so they queue here. */
const queue: string[] = [];
let isSending = false;
async function send(id: string): Promise<void> {
  queue.push(id);
  if (isSending) return;
  isSending = true;
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    await dealer.send([next, '{"instances":[]}']);
  }
  isSending = false;
}

async function receive(): Promise<void> {
  for await (const [id] of dealer) {
    const key = String(id);
    waiting.get(key)?.();
    waiting.delete(key);
  }
}
void receive();

serveLoad(
  () =>
    new Promise((resolve) => {
      const id = String((count += 1));
      waiting.set(id, resolve);
      void send(id);
    }),
);
