import { proveHello } from '@meshwork/platform';
import { AgentSpec, type JoinToken } from '@meshwork/shared';
import { goldenKeys, goldenRoutingId } from './golden-keys.ts';

/** What one golden frame says. */
export interface GoldenSample {
  /** Who sends it: the hub to a bound peer, a bound peer, the hub to a connection, a connection without a binding. */
  readonly from: 'hub' | 'peer' | 'greeter' | 'stranger';
  readonly body: unknown;
  readonly timeoutMs?: number;
  /** Id of the request that this answers. */
  readonly correlationId?: string;
  readonly trace?: string;
  readonly once?: true;
}

const mesh = '0123456789abcdef0123456789abcdef';
const { server, node } = goldenKeys;

function prove(role: string, incarnation: number): string {
  return proveHello(node.secretKey, {
    routingId: goldenRoutingId,
    node: 'pc2',
    role,
    incarnation,
    publicKey: node.publicKey,
    serverKey: server.publicKey,
  });
}

const shardSpec = AgentSpec.parse({
  command: ['python3', 'shard.py', '--port', '${port.http}'],
  cwd: '/home/me/fleet',
  env: { LANGUAGE: 'de', WORKERS: 2 },
  start: { group: 'search', dependsOn: ['storage'] },
  placement: { node: 'pc2' },
  ports: { http: 'auto', health: 8140 },
  health: { http: { port: 'health', path: '/health' }, interval: '5s', startPeriod: '40s' },
  calls: { http: 'http' },
  labels: { team: 'search' },
});

/** One sample for each kind of message, every optional field in it. Answers are named as they travel. */
export const goldenSamples: Readonly<Record<string, GoldenSample>> = {
  hello: {
    from: 'stranger',
    body: {
      node: 'pc2',
      role: 'node',
      incarnation: 7,
      publicKey: node.publicKey,
      proof: prove('node', 7),
      protocol: { min: 1, max: 1 },
      release: '0.1.0',
      about: {
        host: 'pc2.lan',
        platform: 'linux',
        arch: 'x64',
        cpus: 8,
        memoryBytes: 17_179_869_184,
        address: '192.168.1.6',
        labels: { gpu: 'true' },
        capabilities: ['containment-traced', 'python3'],
        bootId: '5b6a4f1e-27f3-4c4f-9f0e-1c9f6f3a2b10',
        mesh,
        highestTerm: 3,
        revision: 41,
      },
    },
  },
  'hello?': { from: 'greeter', body: {} },
  welcome: {
    from: 'greeter',
    correlationId: 'Ab3dEf9h.1',
    body: {
      mesh,
      term: 3,
      protocol: 1,
      session: 'c2Vzc2lvbjEy',
      calledDead: false,
      addresses: ['192.168.1.5:5550', '[fd00::5]:5550'],
      nextServerKey: node.publicKey,
    },
  },
  'wire.ping': { from: 'hub', body: {} },
  'wire.error': {
    from: 'hub',
    correlationId: 'Ab3dEf9h.2',
    body: {
      code: 'MESH_EXPIRED',
      message: 'agent.call arrived 12 ms past its timeout and was not executed',
      details: { node: 'pc2' },
    },
  },
  enrol: {
    from: 'stranger',
    body: {
      node: 'pc2',
      publicKey: node.publicKey,
      proof: prove('enrol', 0),
      token: { id: 'Zk3', secret: 'c2VjcmV0IHNlY3JldCBzZWNyZXQ' },
      release: '0.1.0',
      facts: { host: 'pc2.lan', platform: 'linux' },
    },
  },
  'enrol.answer': {
    from: 'greeter',
    correlationId: 'Ab3dEf9h.3',
    body: {
      status: 'refused',
      mesh,
      addresses: ['192.168.1.5:5550'],
      code: 'MESH_JOIN_REFUSED',
      message: 'this token was used already',
    },
  },
  'node.assign': {
    from: 'hub',
    body: {
      mesh,
      term: 3,
      revision: 42,
      node: 'pc2',
      instances: [
        {
          instance: 'shard.0',
          agent: 'shard',
          fleet: 'home',
          epoch: '3.17',
          nonce: 2,
          desired: 'run',
          spec: shardSpec,
        },
      ],
    },
  },
  'node.peers': {
    from: 'hub',
    body: {
      agents: [
        {
          agent: 'storage',
          group: 'core',
          ready: true,
          addresses: { zmq: '192.168.1.5:7140' },
        },
      ],
    },
  },
  'node.report': {
    from: 'peer',
    body: {
      incarnation: 7,
      digest: 'd1g3st',
      mesh,
      term: 3,
      revision: 42,
      instances: [
        {
          instance: 'shard.0',
          agent: 'shard',
          fleet: 'home',
          epoch: '3.17',
          nonce: 2,
          state: 'ready',
          stateAgeMs: 1_500,
          reason: 'answered its probe',
          pid: 4_711,
          startedAtMs: 1_800_000_000_000,
          restarts: 1,
          crashes: 1,
          ports: { http: 40_123, health: 8_140 },
          evidence: {
            process: { ok: true, ageMs: 10 },
            protocol: { ok: true, ageMs: 900, detail: '200' },
            progress: { ok: true, ageMs: 2_000, detail: 'indexed 40 of 90' },
          },
          containment: 'traced',
          lastExit: { code: 1, signal: 'SIGKILL', evidence: 'shim', atMs: 1_799_999_990_000 },
          lastLines: ['Traceback (most recent call last):', 'Größe: ✗'],
          callsInFlight: 3,
          hasSdk: false,
        },
      ],
    },
  },
  'node.heartbeat': {
    from: 'peer',
    body: {
      incarnation: 7,
      sequence: 120,
      loopSilentMs: 2.5,
      loopLagMs: 0.25,
      load1: 0.75,
      memoryUsedRatio: 0.5,
      uptimeMs: 60_000,
      instancesDigest: 'd1g3st',
    },
  },
  'node.left': { from: 'peer', body: { why: 'stopped' } },
  'node.called-dead': { from: 'hub', body: { incarnation: 7 } },
  'node.check': {
    from: 'hub',
    timeoutMs: 10_000,
    body: { agents: [{ agent: 'shard', spec: shardSpec }] },
  },
  'node.check.answer': {
    from: 'peer',
    correlationId: 'hU8bXy2z.4',
    body: {
      results: [
        {
          agent: 'shard',
          problems: [{ code: 'MESH_COMMAND_MISSING', message: 'python3 is not on this machine' }],
        },
      ],
    },
  },
  'node.ping': { from: 'hub', timeoutMs: 1_000, body: { instances: ['shard.0'] } },
  'node.ping.answer': {
    from: 'peer',
    correlationId: 'hU8bXy2z.5',
    body: { instances: [{ instance: 'shard.0', ok: true, durationMs: 1.5, detail: '200' }] },
  },
  'node.metrics': { from: 'hub', timeoutMs: 1_000, body: {} },
  'node.metrics.answer': {
    from: 'peer',
    correlationId: 'hU8bXy2z.6',
    body: { text: 'mesh_node_instances 23\n' },
  },
  'node.removed': { from: 'hub', timeoutMs: 700, body: { why: 'revoked' } },
  'node.removed.answer': {
    from: 'peer',
    correlationId: 'hU8bXy2z.7',
    body: { stopping: 23 },
  },
  'unclaimed.act': {
    from: 'hub',
    timeoutMs: 5_000,
    once: true,
    body: { instance: 'shard.0', act: 'describe' },
  },
  'unclaimed.act.answer': {
    from: 'peer',
    correlationId: 'order-1',
    body: {
      instance: 'shard.0',
      agent: 'shard',
      fleet: 'home',
      epoch: '3.17',
      nonce: 2,
      spec: shardSpec,
    },
  },
  'agent.call': {
    from: 'hub',
    timeoutMs: 4_990,
    trace: '4bf92f3577b34da6a3ce929d0e0e4736',
    once: true,
    body: {
      instance: 'shard.0',
      epoch: '3.17',
      action: 'search',
      args: { q: 'Größe "groß" \\ 漢字', limit: 10 },
      caller: 'librarian.0',
    },
  },
  'agent.call.answer': {
    from: 'peer',
    correlationId: 'call-1',
    body: { result: { hits: [] }, durationMs: 12.5 },
  },
  'route.call': {
    from: 'peer',
    timeoutMs: 4_995,
    body: { target: 'shard', action: 'search', args: { q: 'x' }, caller: 'librarian.0' },
  },
  'route.call.answer': {
    from: 'hub',
    correlationId: 'Ab3dEf9h.8',
    body: { instance: 'shard.0', node: 'pc2', result: null, durationMs: 3 },
  },
  'agent.logs': {
    from: 'hub',
    timeoutMs: 15_000,
    body: {
      instance: 'shard.0',
      cursor: { segment: 4, offset: 1_024 },
      tail: 100,
      maxBytes: 65_536,
      waitMs: 10_000,
    },
  },
  'agent.logs.answer': {
    from: 'peer',
    correlationId: 'hU8bXy2z.9',
    body: {
      lines: ['ready', ''],
      cursor: { segment: 4, offset: 2_048 },
      droppedSegments: 0,
      atEnd: true,
    },
  },
};

const result = { kind: 'answer', id: 'c1', result: { hits: 3 } };
const error = { code: 'MESH_ACTION_UNKNOWN', message: 'no such action', details: { action: 'x' } };

/** One sample for each kind of message of the agent link, by who sends it; `.error` is an answer that failed. */
export const goldenLinkSamples: Readonly<Record<'agent' | 'node', Record<string, object>>> = {
  agent: {
    hello: {
      kind: 'hello',
      protocol: { min: 1, max: 1 },
      token: 'wQ2sT0kEn',
      pid: 4_711,
      sdk: { language: 'typescript', version: '0.1.0' },
      actions: ['search', 'stats'],
      ready: false,
    },
    ready: { kind: 'ready' },
    'not-ready': { kind: 'not-ready', reason: 'the index is being built' },
    answer: result,
    'answer.error': { kind: 'answer', id: 'c2', error },
    call: {
      kind: 'call',
      id: 'a1',
      target: 'shard',
      action: 'search',
      args: { q: 'Größe' },
      timeoutMs: 5_000,
    },
    progress: { kind: 'progress', detail: 'indexed 40 of 90' },
    bye: { kind: 'bye' },
  },
  node: {
    'hello?': { kind: 'hello?' },
    welcome: { kind: 'welcome', protocol: 1, node: 'pc2', instance: 'shard.0', epoch: '3.17' },
    refused: { kind: 'refused', error },
    call: {
      kind: 'call',
      id: 'c1',
      action: 'search',
      args: { q: 'Größe' },
      timeoutMs: 5_000,
      caller: 'librarian.0',
    },
    answer: result,
    'answer.error': { kind: 'answer', id: 'a2', error },
    drain: { kind: 'drain' },
  },
};

/** What `mesh node invite` prints, before it is one word. */
export const goldenToken = {
  id: 'Zk3',
  secret: 'c2VjcmV0IHNlY3JldCBzZWNyZXQ',
  addresses: ['192.168.1.5:5551', '[fd00::5]:5551', 'main.lan:5551'],
  serverKey: server.publicKey as JoinToken['serverKey'],
  expiresAtMs: 1_800_000_000_000,
  uses: 1,
  node: 'pc2' as NonNullable<JoinToken['node']>,
} satisfies JoinToken;
