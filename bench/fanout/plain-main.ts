/** A plain ROUTER with CURVE, as short as can be: the same sockets, options and bytes, and nothing above them. */
import { Router, curveKeyPair } from '../wire/plain-zeromq.ts';
import { measureCores, type FanoutAsk } from './fanout.ts';

const count = Number(process.argv[2]);
const { publicKey, secretKey } = curveKeyPair();
const router = new Router({
  linger: 0,
  sendTimeout: 0,
  sendHighWaterMark: 64,
  receiveHighWaterMark: 1_024,
  backlog: 1_024,
  mandatory: true,
  handover: true,
  curveServer: true,
  curveSecretKey: secretKey,
});
await router.bind('tcp://127.0.0.1:0');

/** As long as the frames of the wire with the same messages. */
const call = '[1,"node-100",1,null,12345678,[["AbCdEfGh.3f","node.ping",{"instances":[]},10000]]]';
const ack = '[1,"node-100",1,null,12345678,[["AbCdEfGh.3f","wire.ping",{}]]]';
const ids = new Map<string, Buffer>();
let heartbeats = 0;
let waiting = 0;
let allAnswered = (): void => {};

async function receive(): Promise<void> {
  for await (const [id, frame] of router) {
    if (id === undefined || frame === undefined) continue;
    if (frame.length === 0) ids.set(id.toString('hex'), id);
    else if (frame.includes('node.heartbeat')) {
      heartbeats += 1;
      await router.send([id, ack]);
    } else if ((waiting -= 1) === 0) allAnswered();
  }
}
void receive();

async function callAll(): Promise<void> {
  waiting = ids.size;
  const answered = new Promise<void>((resolve) => (allAnswered = resolve));
  for (const id of ids.values()) await router.send([id, call]);
  await answered;
}

async function answer(ask: FanoutAsk): Promise<unknown> {
  switch (ask.what) {
    case 'bound':
      return ids.size;
    case 'call': {
      const tookMs: number[] = [];
      for (let n = 0; n < ask.times; n += 1) {
        const startMs = performance.now();
        await callAll();
        tookMs.push(performance.now() - startMs);
      }
      return { tookMs, asked: ask.times * count, answered: ask.times * count };
    }
    case 'cpu': {
      const before = heartbeats;
      return { cores: await measureCores(ask.durationMs), heartbeats: heartbeats - before };
    }
    default:
      return ask satisfies never;
  }
}
process.on(
  'message',
  (ask: FanoutAsk) => void answer(ask).then((result) => process.send?.(result)),
);
process.send?.(JSON.stringify({ endpoint: router.lastEndpoint, serverKey: publicKey }));
