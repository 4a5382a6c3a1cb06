import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { phaseKey, planStart, type AgentSpec, type Fleet } from '@meshwork/shared';
import { itNeeds } from '@meshwork/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createByHand, needsNoMesh, readExampleFleet, type ByHand } from './fleet-by-hand.ts';

/** Fields of the answers that are looked into below; which of them are there is the action's to say. */
interface Answer {
  readonly hits: readonly { readonly node: string; readonly snippet: string }[];
  readonly missing: readonly object[];
  readonly shards: object;
  readonly work: number;
  readonly keywords: readonly object[];
  readonly facts: object;
  readonly messages: readonly object[];
  readonly entries: readonly { readonly name: string }[];
  readonly events: readonly { readonly source: string }[];
}

const fleet = await readExampleFleet();
const specs = new Map<string, AgentSpec>(fleet.agents);

const pages: Readonly<Record<string, string>> = {
  'readme.md':
    '# Home lab\n\nA lab of two PCs. See [backups](guide/backup.md) and [nothing](gone.md).\n',
  'guide/backup.md':
    '# Backups\n\nA backup that nobody has restored is a wish. We make a backup of the store every night.\n\n' +
    '- [ ] try a restore\n- [x] buy a disk\n\nWho restores the backup? The one who needs it.\n',
  'guide/network.md':
    '# Network\n\nThe router (RTR) hands out addresses. A clean and simple network is easy to repair.\n\n' +
    '**Gateway** is the machine that leads out of the house.\n',
  'guide/copy.md':
    '# A copy\n\nThe router (RTR) hands out addresses. A clean and simple network is easy to repair.\n',
  'notes/german.md':
    '# Notiz\n\nDas ist nicht der Weg, auf dem wir mit der Sicherung des Hauses gehen.\n',
};

describe('the file of the example fleet', () => {
  it('has the phases and start groups of a real home lab', () => {
    const plan = planStart(
      [...fleet.agents].map(([agent, { start, placement }]) => ({
        agent,
        group: start.group,
        dependsOn: start.dependsOn,
        nodes: placement.node === undefined ? [] : [placement.node],
      })),
    );

    expect(plan.problems).toEqual([]);
    expect(agentsPerPhase(fleet, plan.phases, 'main-pc')).toEqual([1, 1, 11, 25, 12, 4]);
    expect(agentsPerPhase(fleet, plan.phases, 'pc2')).toEqual([2, 10, 7, 2, 1, 1]);
    expect(plan.groups.filter(({ node }) => node === 'main-pc')).toHaveLength(12);
  });

  it('runs many programs, few of them on Node, and most of them are probed', () => {
    const programs = [...specs.values()].map(({ command }) => command.at(-1) ?? '');
    const probed = [...specs.values()].filter(({ health }) => health !== undefined);

    expect(programs).toHaveLength(77);
    expect(new Set(programs).size).toBeGreaterThanOrEqual(12);
    expect(programs.filter((program) => program.endsWith('.ts')).length).toBeLessThanOrEqual(15);
    expect(new Set(programs.map((program) => program.split('.').at(-1)))).toEqual(
      new Set(['py', 'sh', 'ts']),
    );
    expect(probed.length).toBeGreaterThanOrEqual(60);
  });
});

describe('the example agents', () => {
  let folder: string;
  let documents: string;
  let hand: ByHand;
  const names = [...specs].flatMap(([name, spec]) => (needsNoMesh(spec) ? [name] : []));
  const withPort = names.filter((name) => specs.get(name)!.ports['http'] !== undefined);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'example-'));
    documents = join(folder, 'documents');
    for (const [path, text] of Object.entries(pages)) await writePage(documents, path, text);
    hand = createByHand({ fleet, documents, state: join(folder, 'state') });
    await hand.startAll(names);
  });

  afterAll(async () => {
    await hand.endAll();
    await rm(folder, { recursive: true, force: true });
  });

  async function ask(name: string, action: string, body: object = {}): Promise<Answer> {
    const answer = await hand.call(name, action, body);
    expect(answer, `${name} ${action}`).toMatchObject({ status: 200 });
    return answer.body as Answer;
  }

  async function searchUntil(query: string, isDone: (answer: Answer) => boolean): Promise<Answer> {
    const deadlineMs = performance.now() + 15_000;
    for (;;) {
      const answer = await ask('librarian', 'search', { q: query });
      if (isDone(answer)) return answer;
      if (performance.now() > deadlineMs) throw new Error(`still ${JSON.stringify(answer)}`);
      await sleep(50);
    }
  }

  itNeeds(
    ['python3'],
    'find documents on both nodes and say which node a hit is from',
    async () => {
      const nodes = new Set<string>();
      for (const word of ['backup', 'router', 'lab', 'Sicherung']) {
        const { hits, missing } = await ask('librarian', 'search', { q: word });
        expect(missing).toEqual([]);
        expect(hits.length).toBeGreaterThan(0);
        for (const { node } of hits) nodes.add(node);
      }

      const { hits } = await ask('librarian', 'search', { q: 'restored backup' });

      expect(hits[0]).toMatchObject({ path: 'guide/backup.md', title: 'Backups' });
      expect(hits[0]?.snippet).toContain('restored');
      expect(nodes).toEqual(new Set(['main-pc', 'pc2']));
    },
  );

  itNeeds(
    ['python3'],
    'follow what is added to, changed in and taken out of the folder',
    async () => {
      await writePage(documents, 'new/zeppelin.md', '# Airship\n\nA zeppelin over the house.\n');
      await searchUntil('zeppelin', ({ hits }) => hits.length === 1);

      await writePage(documents, 'new/zeppelin.md', '# Airship\n\nIt was a balloon after all.\n');
      await searchUntil('balloon', ({ hits }) => hits.length === 1);
      await rm(join(documents, 'new'), { recursive: true });
      const answer = await searchUntil('balloon', ({ hits }) => hits.length === 0);

      expect(answer.missing).toEqual([]);
    },
  );

  itNeeds(
    ['python3'],
    'name a shard that was stopped, and have it back when it runs again',
    async () => {
      await hand.end('shard-e', 'SIGKILL');
      const without = await ask('librarian', 'search', { q: 'backup' });
      await hand.start('shard-e');
      const again = await searchUntil('backup', ({ missing }) => missing.length === 0);

      expect(without.missing).toEqual([
        { shard: 'shard-e', node: 'pc2', reason: 'connection refused' },
      ]);
      expect(again.shards).toEqual({ asked: 6, answered: 6 });
    },
  );

  itNeeds(['python3'], 'answer within the time of one shard when a shard is frozen', async () => {
    const { child } = hand.running.get('shard-b')!;
    child.kill('SIGSTOP');
    const startedMs = performance.now();
    const { missing } = await ask('librarian', 'search', { q: 'backup' });
    const tookMs = performance.now() - startedMs;
    child.kill('SIGCONT');

    expect(missing).toEqual([
      { shard: 'shard-b', node: 'main-pc', reason: 'no answer within 2 s' },
    ]);
    expect(tookMs).toBeLessThan(4000);
  });

  itNeeds(['python3'], 'count their work: every counter rises while nobody asks', async () => {
    const before = new Map<string, number>();
    for (const name of withPort) before.set(name, (await ask(name, 'stats')).work);
    const deadlineMs = performance.now() + 30_000;
    let still = withPort;
    while (still.length > 0 && performance.now() < deadlineMs) {
      const moved = await Promise.all(
        still.map(async (name) => (await ask(name, 'stats')).work > before.get(name)!),
      );
      still = still.filter((_, index) => moved[index] !== true);
      await sleep(200);
    }

    expect(still).toEqual([]);
    for (const name of withPort) expect(await ask(name, 'stats')).toMatchObject({ failed: 0 });
  });

  it('show their work in their log where they have no port', () => {
    const shells = names.filter((name) => specs.get(name)!.command[0] === '/bin/sh');
    expect(shells.length).toBeGreaterThan(0);
    for (const name of shells) {
      expect(hand.running.get(name)!.lines[0]).toMatch(/^(sample|count) 1: .*\d/);
    }
  });

  itNeeds(['python3'], 'refuse what they do not know and what is no JSON', async () => {
    const { port } = hand.running.get('tokenizer')!;
    const raw = await fetch(`http://127.0.0.1:${port}/tokenize`, {
      method: 'POST',
      body: '{"text',
    });
    const large = await fetch(`http://127.0.0.1:${port}/tokenize`, {
      method: 'POST',
      body: 'x'.repeat(1024 * 1024 + 1),
    }).then(
      ({ status }) => status,
      () => 413, // The agent may close before all was sent.
    );

    expect(await hand.call('tokenizer', 'dance')).toMatchObject({
      status: 404,
      body: { error: expect.stringContaining("no action 'dance'") },
    });
    expect(await hand.call('tokenizer', 'tokenize', { text: 7 })).toMatchObject({ status: 400 });
    expect(raw.status).toBe(400);
    expect(large).toBe(413);
    await ask('tokenizer', 'health');
  });

  itNeeds(['python3'], 'do what they say', async () => {
    const text = 'Ships need light. A lighthouse gives all ships light at night. It rains today.';
    expect(await ask('tokenizer', 'tokenize', { text: 'Two ships!' })).toMatchObject({
      words: ['two', 'ships'],
      terms: ['two', 'ship'],
    });
    expect(await ask('summarizer', 'summarize', { text, sentences: 1 })).toMatchObject({
      summary: ['A lighthouse gives all ships light at night.'],
      of: 3,
    });
    expect((await ask('keywords', 'extract', { text })).keywords[0]).toMatchObject({
      term: 'ship',
    });
    expect(
      await ask('language-guesser', 'measure', { text: 'le chat est dans la maison' }),
    ).toMatchObject({ language: 'fr' });
    expect(Object.keys((await ask('text-facts', 'facts', { text })).facts).toSorted()).toEqual([
      'language-guesser',
      'readability',
      'sentiment',
    ]);
    expect(await ask('dedupe', 'compare', { a: text, b: text })).toEqual({ likeness: 1 });
    expect(await ask('rate-limiter', 'take', { key: 'me', tokens: 10 })).toMatchObject({
      allowed: true,
    });
    expect(await ask('rate-limiter', 'take', { key: 'me', tokens: 10 })).toMatchObject({
      allowed: false,
    });
    expect(await ask('locker', 'lock', { name: 'door', holder: 'a' })).toMatchObject({
      granted: true,
    });
    expect(await ask('locker', 'lock', { name: 'door', holder: 'b' })).toMatchObject({
      granted: false,
      holder: 'a',
    });
    await ask('query-cache', 'put', { key: 'k', value: [1] });
    expect(await ask('query-cache', 'get', { key: 'k' })).toMatchObject({ hit: true, value: [1] });
    await ask('mailbox', 'send', { to: 'ann', text: 'hello' });
    expect((await ask('mailbox', 'receive', { to: 'ann' })).messages[0]).toMatchObject({
      text: 'hello',
    });
    expect((await ask('scheduler', 'entries')).entries.map((entry) => entry.name)).toEqual([
      'load-watch',
      'memory-watch',
      'network-watch',
      'query-cache',
    ]);
  });

  itNeeds(['python3'], 'learn from the documents what their callers ask for', async () => {
    async function untilHolds(
      name: string,
      action: string,
      text: string,
      body = {},
    ): Promise<void> {
      const deadlineMs = performance.now() + 30_000;
      for (;;) {
        const answer = JSON.stringify(await ask(name, action, body));
        if (answer.includes(text)) return;
        if (performance.now() > deadlineMs) throw new Error(`${name} ${action}: ${answer}`);
        await sleep(100);
      }
    }
    await Promise.all([
      untilHolds('link-checker', 'broken', 'gone.md'),
      untilHolds('backlinks', 'to', 'readme.md', { path: 'guide/backup.md' }),
      untilHolds('todo-collector', 'find', 'try a restore'),
      untilHolds('todo-report', 'report', 'try a restore'),
      untilHolds('daily-digest', 'markdown', 'gone.md'),
      untilHolds('glossary', 'find', 'Gateway'),
      untilHolds('questions', 'find', 'Who restores the backup?'),
      untilHolds('outline', 'find', '# Network'),
      untilHolds('dictionary', 'complete', 'router', { prefix: 'rout' }),
      untilHolds('suggester', 'complete', 'restore', { q: 'a rest' }),
      untilHolds('spell-checker', 'check', 'backup', { text: 'bakcup' }),
      untilHolds('related', 'topics', 'backup'),
      untilHolds('reading-list', 'list', 'guide/backup.md'),
      untilHolds('answerer', 'answer', 'backup', { question: 'Who restores the backup?' }),
      untilHolds('event-log', 'tail', 'starts on main-pc', { n: 50 }),
      untilHolds('metrics-roller', 'summary', 'load-watch load1'),
      untilHolds('checksum-watch', 'changes', 'guide/backup.md'),
      untilHolds('front-desk', 'search', 'guide/backup.md', { q: 'backup' }),
    ]);
  });

  itNeeds(
    ['python3', 'linux'],
    'are small: all of them together stay far under 1.5 GB',
    async () => {
      let kib = 0;
      for (const { child } of hand.running.values()) {
        const rollup = await readFile(`/proc/${child.pid}/smaps_rollup`, 'utf8');
        kib += Number(/^Pss: +(\d+)/m.exec(rollup)?.[1]);
      }

      expect(hand.running.size).toBe(names.length);
      expect(kib / 1024).toBeLessThan(800);
    },
  );
});

describe('one example agent', () => {
  let folder: string;
  let hand: ByHand;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'example-'));
    await writePage(folder, 'documents/readme.md', '# Home lab\n');
    hand = createByHand({
      fleet,
      documents: join(folder, 'documents'),
      state: join(folder, 'state'),
    });
  });

  afterAll(async () => {
    await hand.endAll();
    await rm(folder, { recursive: true, force: true });
  });

  itNeeds(['python3'], 'is not ready before what it depends on has answered it', async () => {
    await hand.startAll(['memory-store']);
    await hand.start('event-log');
    await hand.end('event-log');
    await hand.start('tokenizer');

    const early = await hand.call('tokenizer', 'health');
    await hand.startAll(['event-log']);
    const deadlineMs = performance.now() + 10_000;
    let late = early;
    while (late.status !== 200 && performance.now() < deadlineMs) {
      await sleep(20);
      late = await hand.call('tokenizer', 'health');
    }

    expect(early).toEqual({
      status: 503,
      body: { error: expect.stringContaining('waits for event-log') },
    });
    expect(late.status).toBe(200);
    const { events } = (await hand.call('event-log', 'tail')).body as Answer;
    expect(events.map((event) => event.source)).toContain('tokenizer');
  });

  itNeeds(
    ['python3'],
    'searches without the shards of a node that is away, and names them',
    async () => {
      const librarian = specs.get('librarian')!;
      const dependsOn = librarian.start.dependsOn.filter((name) => name !== 'shard-f');
      const impatient: AgentSpec = {
        ...librarian,
        env: { ...librarian.env, PATIENCE: '0.3' },
        start: { ...librarian.start, dependsOn },
      };
      const agents = new Map(fleet.agents);
      for (const name of agents.keys()) if (name === 'librarian') agents.set(name, impatient);
      const alone = createByHand({
        fleet: { ...fleet, agents },
        documents: join(folder, 'documents'),
        state: join(folder, 'alone'),
      });
      try {
        await alone.startAll(['shard-a', 'shard-b', 'shard-c', 'shard-d', 'spell-checker']);
        await alone.start('librarian');
        const deadlineMs = performance.now() + 10_000;
        while ((await alone.call('librarian', 'health')).status !== 200) {
          expect(performance.now()).toBeLessThan(deadlineMs);
          await sleep(20);
        }
        const { body } = await alone.call('librarian', 'search', { q: 'lab' });

        expect(body).toMatchObject({
          shards: { asked: 6, answered: 4 },
          missing: [
            { shard: 'shard-e', node: 'unknown', reason: 'connection refused' },
            {
              shard: 'shard-f',
              node: 'unknown',
              reason: expect.stringContaining('nobody could say'),
            },
          ],
        });
      } finally {
        await alone.endAll();
      }
    },
  );

  itNeeds(['python3'], 'keeps what it acknowledged through a kill -9', async () => {
    await hand.startAll(['memory-store']);
    for (let n = 0; n < 50; n += 1) {
      const put = await hand.call('memory-store', 'put', { key: `k${n}`, value: { n } });
      expect(put.status).toBe(200);
    }
    await hand.end('memory-store', 'SIGKILL');
    await hand.start('memory-store');

    for (let n = 0; n < 50; n += 1) {
      const { body } = await hand.call('memory-store', 'get', { key: `k${n}` });
      expect(body).toEqual({ key: `k${n}`, found: true, value: { n } });
    }
  });

  itNeeds(
    ['python3'],
    'ends with 0 within a second of SIGTERM, whatever it is written in',
    async () => {
      await hand.startAll(['event-log', 'disk-watch', 'process-watch', 'socket-watch']);
      await hand.start('front-desk');
      for (const name of hand.running.keys()) {
        const startedMs = performance.now();
        const code = await hand.end(name);

        expect([name, code]).toEqual([name, 0]);
        expect(performance.now() - startedMs).toBeLessThan(1000);
      }
    },
  );
});

function agentsPerPhase(
  { agents }: Fleet,
  phases: ReadonlyMap<string, number>,
  node: string,
): readonly number[] {
  const counts: number[] = [];
  for (const name of agents.keys()) {
    const phase = phases.get(phaseKey(node, name));
    if (phase !== undefined) counts[phase - 1] = (counts[phase - 1] ?? 0) + 1;
  }
  return counts;
}

async function writePage(folder: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}
