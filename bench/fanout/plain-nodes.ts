/** A share of the plain nodes: DEALERs with CURVE that answer what they are asked, or beat. */
import { randomBytes } from 'node:crypto';
import { Dealer, curveKeyPair } from '../wire/plain-zeromq.ts';
import { HEARTBEAT_EVERY_MS, heartbeat } from './fanout.ts';

const target = JSON.parse(process.argv[2] ?? '') as { endpoint: string; serverKey: string };
const [from, to] = [Number(process.argv[3]), Number(process.argv[4])];
const role = process.argv[5];
const beat = `[1,"hub",1,"AbCdEfGhIjKlMnOp",12345678,[["AbCdEfGh.3f","node.heartbeat",${JSON.stringify(heartbeat)}]]]`;
const answer =
  '[1,"hub",1,"AbCdEfGhIjKlMnOp",12345678,[["AbCdEfGh.3f","node.ping.answer",{"instances":[]},null,"AbCdEfGh.3f"]]]';

for (let n = from; n < to; n += 1) {
  const { publicKey, secretKey } = curveKeyPair();
  const routingId = randomBytes(16);
  routingId[0] = 1;
  const dealer = new Dealer({
    linger: 0,
    sendTimeout: 0,
    sendHighWaterMark: 64,
    receiveHighWaterMark: 16_384,
    heartbeatInterval: 500,
    heartbeatTimeout: 1_500,
    heartbeatTimeToLive: 10_000,
    curvePublicKey: publicKey,
    curveSecretKey: secretKey,
    curveServerKey: target.serverKey,
    routingId,
  });
  dealer.connect(target.endpoint);
  await dealer.send(['']);
  void serve(dealer);
  if (role !== 'heartbeat') continue;
  setTimeout(
    () => setInterval(() => void dealer.send([beat]), HEARTBEAT_EVERY_MS),
    Math.random() * HEARTBEAT_EVERY_MS,
  );
}
process.send?.('ready');

async function serve(dealer: InstanceType<typeof Dealer>): Promise<void> {
  for await (const [frame] of dealer) if (frame?.includes('node.ping')) await dealer.send([answer]);
}
