/**
 * Calls from the main node to a worker node, against plain zeromq.js and Moleculer's TCP transporter.
 *
 * Each peer is two processes of its own. The rounds take turns, so what else the machine does hits all alike.
 */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { installPeer } from './peers/install-peers.ts';
import { printResult } from './result.ts';
import { median, type LoadResult } from './wire/load.ts';
import { startSide, type Side } from './wire/side.ts';

const ROUNDS = 5;
const MANY = { inFlight: 500, durationMs: 2_500 };
const ONE = { inFlight: 1, durationMs: 1_500 };

const sides: Side[] = [];
const start = async (name: string, args: readonly string[] = []): Promise<Side> => {
  const side = await startSide(name, args);
  sides.push(side);
  return side;
};

try {
  const moleculer = await installPeer('moleculer@0.15.2');
  const port = String(await freePorts());
  const main = await start('mesh-main');
  await start('mesh-node', [String(main.ready)]);
  const zeromqServer = await start('zeromq-server');
  const zeromq = await start('zeromq-client', [String(zeromqServer.ready)]);
  await start('moleculer-server', [moleculer, port]);
  const clients = {
    mesh: main,
    zeromq,
    moleculer: await start('moleculer-client', [moleculer, port]),
  };

  for (const client of Object.values(clients)) await client.measure({ ...MANY, durationMs: 1_000 });
  const many: Record<string, LoadResult[]> = {};
  const one: Record<string, LoadResult[]> = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, client] of Object.entries(clients)) {
      (many[name] ??= []).push(await client.measure(MANY));
      (one[name] ??= []).push(await client.measure(ONE));
    }
    console.log(
      `round ${round + 1}: ${Object.keys(clients)
        .map(
          (name) =>
            `${name} ${Math.round(many[name]?.at(-1)?.perSecond ?? 0)}/s, p50 ${(one[name]?.at(-1)?.p50Ms ?? 0).toFixed(3)} ms`,
        )
        .join('; ')}`,
    );
  }
  const perSecond = (name: string) => median((many[name] ?? []).map((result) => result.perSecond));
  const p50Ms = (name: string) => median((one[name] ?? []).map((result) => result.p50Ms));
  printResult({
    name: 'wire',
    figures: {
      callsPerSecond: perSecond('mesh'),
      zeromqCallsPerSecond: perSecond('zeromq'),
      moleculerCallsPerSecond: perSecond('moleculer'),
      p50Ms: p50Ms('mesh'),
      zeromqP50Ms: p50Ms('zeromq'),
      moleculerP50Ms: p50Ms('moleculer'),
      p99MsUnderLoad: median((many['mesh'] ?? []).map((result) => result.p99Ms)),
    },
    ratios: {
      throughputVsMoleculer: perSecond('mesh') / perSecond('moleculer'),
      throughputVsZeromq: perSecond('mesh') / perSecond('zeromq'),
      p50VsZeromq: p50Ms('mesh') / p50Ms('zeromq'),
    },
  });
} finally {
  await Promise.all(sides.map((side) => side.stop()));
}

/** Two free ports in a row. */
async function freePorts(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
