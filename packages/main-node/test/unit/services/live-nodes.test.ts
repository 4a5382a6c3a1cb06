import { tickEvery, type Peer, type PeerRole } from '@meshwork/shared';
import { createFakeClock, type FakeClock } from '@meshwork/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { createLiveNodes, type LiveNodes } from '../../../src/services/live-nodes.ts';
import { silent } from '../../fixtures/make-keeper.ts';
import { makeFacts, makeHeartbeat, makeReport } from '../../fixtures/make-report.ts';
import { nodeName, publicKey } from '../../fixtures/make-state.ts';

const policy = {
  suspectAfter: 1_000,
  deadAfter: 2_000,
  rejoinGrace: 15_000,
  startGrace: 15_000,
  notActingAfter: 5_000,
};
const n1 = nodeName('n1');
const peer = (role: PeerRole, incarnation = 1): Peer => ({
  name: n1,
  role,
  incarnation,
  publicKey: publicKey('n1'),
});
const about = { facts: makeFacts(), release: '0.0.0' };

let stop: () => Promise<void> = async () => {};
afterEach(() => stop());

/** A clock whose time can pass without anybody waking: a process that does not get to run. */
function createStallingClock(): FakeClock & { stall(ms: number): void } {
  const inner = createFakeClock();
  let stalledMs = 0;
  const clock = {
    ...inner,
    monotonic: () => inner.monotonic() + stalledMs,
    ticks: (everyMs: number, signal: AbortSignal) => tickEvery(clock, everyMs, signal),
    stall(ms: number) {
      stalledMs += ms;
    },
  };
  return clock;
}

async function start() {
  const clock = createStallingClock();
  const said: string[] = [];
  const live: LiveNodes = createLiveNodes({
    clock,
    logger: silent,
    policy,
    events: {
      onTransition: (after, before, reason) =>
        said.push(`${before.member.status} -> ${after.member.status} (${reason})`),
      onReport: (node, before) => said.push(`report of ${node.name}${before ? ', again' : ''}`),
      probe: (name) => said.push(`probe ${name}`),
      tellCalledDead: (name, incarnation) => said.push(`tell ${name} ${incarnation} is dead`),
      onMissed: (missedMs) => said.push(`missed ${missedMs}`),
    },
  });
  live.follow([n1]);
  const { signal } = new AbortController();
  await live.start(signal);
  stop = () => live.stop(signal);
  return { clock, live, said };
}

describe('live nodes', () => {
  it('calls a silent node dead about 2 s after it was last heard, asking it first', async () => {
    const { clock, live, said } = await start();
    live.hello(peer('node'), about);
    await clock.advance(1_900);
    expect(said).toEqual(['unknown -> alive (hello)', 'alive -> suspect (silence)', 'probe n1']);
    await clock.advance(300);
    expect(said.at(-1)).toBe('suspect -> dead (silence)');
  });

  it('kills nobody by a stall of its own, and says how much it missed', async () => {
    const { clock, live, said } = await start();
    live.hello(peer('node'), about);
    for (let round = 0; round < 5; round += 1) {
      // This process does not run for a minute; then a tick comes before what waited is read.
      clock.stall(60_000);
      await clock.advance(100);
      live.heartbeat(peer('heartbeat'), makeHeartbeat());
    }
    expect(said.filter((line) => line.includes('->'))).toEqual(['unknown -> alive (hello)']);
    expect(said.filter((line) => line.startsWith('missed'))).toHaveLength(5);
  });

  it('keeps a node alive by its heartbeats alone', async () => {
    const { clock, live, said } = await start();
    live.hello(peer('node'), about);
    for (let beat = 0; beat < 20; beat += 1) {
      await clock.advance(500);
      live.heartbeat(peer('heartbeat'), makeHeartbeat({ sequence: beat }));
    }
    expect(said).toEqual(['unknown -> alive (hello)']);
  });

  it('tells a node that comes back under a dead incarnation, at its hello and at each heartbeat', async () => {
    const { clock, live, said } = await start();
    live.hello(peer('node'), about);
    await clock.advance(2_500);
    said.length = 0;
    live.heartbeat(peer('heartbeat'), makeHeartbeat());
    expect(live.hello(peer('node'), about)).toEqual({ isCalledDead: true });
    expect(said).toEqual(['tell n1 1 is dead']);
    expect(live.hello(peer('node', 2), about)).toEqual({ isCalledDead: false });
    expect(live.nodes.get(n1)?.member.status).toBe('alive');
  });

  it('forgets what an earlier connection reported', async () => {
    const { live, said } = await start();
    live.hello(peer('node'), about);
    live.report(peer('node'), makeReport([]));
    live.report(peer('node'), makeReport([]));
    live.hello(peer('node'), about);
    live.report(peer('node'), makeReport([]));
    expect(said.slice(1)).toEqual(['report of n1', 'report of n1, again', 'report of n1']);
  });

  it('notes since when heartbeats name another digest than the report', async () => {
    const { clock, live } = await start();
    live.hello(peer('node'), about);
    live.report(peer('node'), makeReport([], { digest: 'old' }));
    const sinceMs = clock.monotonic();
    live.heartbeat(peer('heartbeat'), makeHeartbeat({ instancesDigest: 'new' }));
    await clock.advance(500);
    live.heartbeat(peer('heartbeat'), makeHeartbeat({ instancesDigest: 'new' }));
    expect(live.nodes.get(n1)?.differsSinceMs).toBe(sinceMs);
    live.report(peer('node'), makeReport([], { digest: 'new' }));
    expect(live.nodes.get(n1)?.differsSinceMs).toBeUndefined();
  });

  it('hears nothing of nodes that it does not follow', async () => {
    const { live, said } = await start();
    live.follow([]);
    live.hello(peer('node'), about);
    live.report(peer('node'), makeReport([]));
    expect(said).toEqual([]);
    expect(live.nodes.size).toBe(0);
  });
});
