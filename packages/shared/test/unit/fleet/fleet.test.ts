import { describe, expect, it } from 'vitest';
import { parseFleet } from '../../../src/index.ts';

const parse = (agents: Record<string, unknown>, over: Record<string, unknown> = {}) =>
  parseFleet({ fleet: 'lab', agents, ...over }, { fleetDir: '/srv/lab' });

function problemsOf(parsed: ReturnType<typeof parseFleet>): string[] {
  return parsed.ok ? [] : parsed.problems.map(({ path, reason }) => `${path.join('.')}: ${reason}`);
}

function specOf(parsed: ReturnType<typeof parseFleet>, agent = 'a') {
  if (!parsed.ok) throw new Error(problemsOf(parsed).join('; '));
  return [...parsed.fleet.agents].find(([name]) => name === agent)?.[1];
}

describe('parseFleet', () => {
  it('completes an agent with the documented defaults', () => {
    const spec = specOf(parse({ a: { command: ['sleep', '1'] } }));

    expect(spec).toMatchObject({
      replicas: 1,
      restart: {
        policy: 'on-failure',
        maxRestarts: 5,
        window: 300_000,
        backoff: { initial: 0, max: 60_000 },
      },
      stop: { signal: 'SIGTERM', grace: 10_000 },
      start: { dependsOn: [] },
    });
  });

  it('merges defaults key by key, lets an agent win, and null takes a default away', () => {
    const parsed = parse(
      { a: { stop: { grace: '1s' } }, b: { cwd: null } },
      { defaults: { command: ['x'], cwd: '/tmp', stop: { signal: 'SIGINT', grace: '9s' } } },
    );

    expect(specOf(parsed)).toMatchObject({ cwd: '/tmp', stop: { signal: 'SIGINT', grace: 1000 } });
    expect(specOf(parsed, 'b')).not.toHaveProperty('cwd');
  });

  it('replaces ${fleet.dir} in what is stored, so that an export means the same everywhere', () => {
    const parsed = parse({ a: { command: ['${fleet.dir}/run.sh'], cwd: '${fleet.dir}/x' } });

    expect(parsed).toMatchObject({
      ok: true,
      document: { agents: { a: { command: ['/srv/lab/run.sh'], cwd: '/srv/lab/x' } } },
    });
  });

  it.each([
    ['exclusive', true],
    ['lease', '6s'],
    ['onNodeLost', 'stop'],
    ['sandbox', 'strict'],
    ['resources', { cpu: 1 }],
    ['runtime', 'container'],
    ['jobs', []],
  ])('refuses the later field %s by name', (field, value) => {
    expect(problemsOf(parse({ a: { command: ['x'], [field]: value } }))).toEqual([
      `agents.a.${field}: "${field}" is not supported by this release; take it out`,
    ]);
  });

  it.each([
    { agent: { command: [] }, problem: /agents\.a\.command: / },
    {
      agent: { command: ['x'], health: { interval: '1s' } },
      problem: /exactly one of http, tcp, zmq, link/,
    },
    {
      agent: { command: ['x'], health: { http: { port: 'web' } } },
      problem: /health\.http\.port: unknown port "web"/,
    },
    {
      agent: { command: ['x'], calls: { zmq: 'p' }, ports: { q: 1 } },
      problem: /unknown port "p" \(declared: q\)/,
    },
    {
      agent: { command: ['x', '${port.p}'] },
      problem: /command\.1: unknown variable "\$\{port\.p\}"/,
    },
    { agent: { command: ['x'], env: { MESH_X: '1' } }, problem: /set by the mesh/ },
    { agent: { command: ['x'], stop: { grace: 'soon' } }, problem: /"soon" is not a duration/ },
    {
      agent: { command: ['x'], placement: { node: 'a', labels: {} } },
      problem: /node or labels, not both/,
    },
  ])('refuses $agent and says why', ({ agent, problem }) => {
    expect(problemsOf(parse({ a: agent })).join('\n')).toMatch(problem);
  });

  it('refuses what is no fleet at all', () => {
    expect(problemsOf(parseFleet('hello', { fleetDir: '/' }))).not.toEqual([]);
    expect(problemsOf(parseFleet({ agents: {} }, { fleetDir: '/' })).join()).toMatch(/^fleet: /);
  });
});
