import { describe, expect, it } from 'vitest';
import { agentsToCheck, planFleet } from '../../../src/core/plan-fleet.ts';
import {
  makeCandidate,
  makeFleet,
  meshWith,
  nodeName,
  placesIn,
  withFleet,
} from '../../fixtures/make-state.ts';

const n1 = makeCandidate('n1');
const n2 = makeCandidate('n2');

function changes(
  agents: Parameters<typeof makeFleet>[1],
  context: Parameters<typeof planFleet>[1],
): Record<string, string> {
  const plan = planFleet(makeFleet('home', agents).fleet, context);
  return Object.fromEntries(
    plan.steps.map(({ instance, change, node }) => [instance, `${change} ${node ?? ''}`.trim()]),
  );
}

function problems(
  agents: Parameters<typeof makeFleet>[1],
  context: Parameters<typeof planFleet>[1],
): readonly string[] {
  const plan = planFleet(makeFleet('home', agents).fleet, context);
  return plan.problems.map(({ path, reason }) => `${path.join('.')}: ${reason}`);
}

describe('planFleet', () => {
  it('adds what is new, keeps what is the same, removes what is gone', () => {
    const state = withFleet(meshWith('n1'), 'home', { a: {}, b: {} });
    expect(changes({ b: {}, c: {} }, { state, candidates: [n1] })).toEqual({
      'a.0': 'remove n1',
      'b.0': 'none n1',
      'c.0': 'add n1',
    });
  });

  it('is empty for the fleet as it stands', () => {
    const agents = { a: { replicas: 2 }, b: { ports: { p: 7000 }, start: { dependsOn: ['a'] } } };
    const state = withFleet(meshWith('n1', 'n2'), 'home', agents);
    const steps = changes(agents, { state, candidates: [n1, n2] });
    expect(Object.values(steps).every((step) => step.startsWith('none'))).toBe(true);
  });

  it('names the changed fields by their paths', () => {
    const state = withFleet(meshWith('n1'), 'home', { a: { env: { MODE: 'x' } } });
    const { fleet } = makeFleet('home', {
      a: { env: { MODE: 'y' }, restart: { maxRestarts: 9 } },
    });
    const [step] = planFleet(fleet, { state, candidates: [n1] }).steps;
    expect(step).toMatchObject({ change: 'change', fields: ['env.MODE', 'restart.maxRestarts'] });
  });

  it('keeps every placement that the spec still wants, whatever became of the node', () => {
    const state = withFleet(meshWith('n1', 'n2'), 'home', { a: { replicas: 2 } });
    const away = makeCandidate('n1', { state: 'dead', isCordoned: true });
    expect(changes({ a: { replicas: 2 } }, { state, candidates: [away, n2] })).toEqual({
      'a.0': 'none n1',
      'a.1': 'none n2',
    });
  });

  it('keeps what is placed by a label on a node whose labels are not known yet', () => {
    const placement = { labels: { gpu: 'true' } };
    const gpu = makeCandidate('n1', { labels: { gpu: 'true' } });
    const state = withFleet(meshWith('n1', 'n2'), 'home', { a: { placement } }, [gpu, n2]);
    const unheard = makeCandidate('n1', { state: 'unknown', labels: undefined });
    expect(changes({ a: { placement } }, { state, candidates: [unheard, n2] })).toEqual({
      'a.0': 'none n1',
    });
  });

  it('moves what the spec wants elsewhere, and says from where', () => {
    const state = withFleet(meshWith('n1', 'n2'), 'home', { a: { placement: { node: 'n1' } } });
    const { fleet } = makeFleet('home', { a: { placement: { node: 'n2' } } });
    const [step] = planFleet(fleet, { state, candidates: [n1, n2] }).steps;
    expect(step).toMatchObject({ change: 'move', node: 'n2', reason: 'from n1' });
  });

  it('takes away the highest ordinals when there are fewer replicas', () => {
    const state = withFleet(meshWith('n1', 'n2'), 'home', { a: { replicas: 3 } });
    const steps = changes({ a: { replicas: 1 } }, { state, candidates: [n1, n2] });
    expect(Object.keys(steps).toSorted()).toEqual(['a.0', 'a.1', 'a.2']);
    expect(steps['a.0']).toMatch(/^none/);
    expect([steps['a.1'], steps['a.2']].every((step) => step?.startsWith('remove'))).toBe(true);
  });

  it('gives the reason per node where nothing fits', () => {
    const { fleet } = makeFleet('home', { a: { placement: { labels: { gpu: 'true' } } } });
    const plan = planFleet(fleet, {
      state: meshWith('n1', 'n2'),
      candidates: [
        makeCandidate('n1', { state: 'dead', labels: { gpu: 'true' } }),
        makeCandidate('n2', { labels: { gpu: 'false' } }),
      ],
    });
    expect(plan.steps[0]).toMatchObject({
      change: 'impossible',
      candidates: [
        { node: 'n1', fits: false, reasons: ['the node is dead'] },
        { node: 'n2', fits: false, reasons: ['label gpu=true is missing (it is false)'] },
      ],
    });
  });

  it('takes what a node answered to node.check as a reason against it', () => {
    const broken = makeCandidate('n1', { checks: { a: ['there is no python3'] } });
    const { fleet } = makeFleet('home', { a: {} });
    const plan = planFleet(fleet, { state: meshWith('n1'), candidates: [broken] });
    expect(plan.steps[0]).toMatchObject({
      change: 'impossible',
      reason: 'n1: there is no python3',
    });
  });

  it('refuses a changed command that its node cannot run, and leaves the running one alone', () => {
    const state = withFleet(meshWith('n1'), 'home', { a: {} });
    const { fleet } = makeFleet('home', { a: { command: ['nothing'] } });
    const broken = makeCandidate('n1', { checks: { a: ['nothing was not found'] } });
    const [step] = planFleet(fleet, { state, candidates: [broken] }).steps;
    expect(step).toMatchObject({ change: 'impossible', node: 'n1', fields: ['command'] });
  });

  it('tells every problem at once: names, nodes, ports, start order', () => {
    const state = withFleet(meshWith('n1'), 'other', {
      taken: {},
      holder: { placement: { node: 'n1' }, ports: { zmq: 7140 } },
    });
    const agents = {
      taken: {},
      lost: { placement: { node: 'n9' } },
      twice: { ports: { a: 7000, b: 7000 } },
      one: { placement: { node: 'n1' }, ports: { p: 7001 } },
      two: { placement: { node: 'n1' }, ports: { q: 7001 } },
      three: { placement: { node: 'n1' }, ports: { z: 7140 } },
      many: { placement: { node: 'n1' }, replicas: 2, ports: { p: 7002 } },
      waits: { start: { dependsOn: ['nobody'] } },
      x: { start: { dependsOn: ['y'] } },
      y: { start: { dependsOn: ['x'] } },
    };
    expect(problems(agents, { state, candidates: [n1] })).toEqual([
      'agents.taken: the agent taken belongs to fleet other; names are unique in a mesh',
      'agents.lost.placement.node: no node n9 is in this mesh; it has n1',
      'agents.twice.ports.b: port 7000 is already claimed by twice as "a"',
      'agents.two.ports.q: port 7001 on n1 is already claimed by one ("p")',
      'agents.three.ports.z: port 7140 on n1 is already claimed by holder ("zmq") of fleet other',
      'agents.many.ports.p: 2 replicas on n1 cannot share port 7002; use auto',
      'agents.waits.start.dependsOn: depends on "nobody", which is no agent and no start group of this mesh',
      'agents: start order goes in a circle: x -> y -> x',
    ]);
  });

  it('puts two claims on one port on two nodes where the agents may go anywhere', () => {
    const agents = { a: { ports: { p: 7000 } }, b: { ports: { p: 7000 } } };
    const state = withFleet(meshWith('n1', 'n2'), 'home', agents);
    expect(new Set(Object.values(placesIn(state)))).toEqual(new Set(['n1', 'n2']));
  });

  it('names the holder where a port leaves no place', () => {
    const { fleet } = makeFleet('home', { a: { ports: { p: 7000 } }, b: { ports: { q: 7000 } } });
    const plan = planFleet(fleet, { state: meshWith('n1'), candidates: [n1] });
    expect(plan.steps.find(({ agent }) => agent === 'b')).toMatchObject({
      change: 'impossible',
      reason: 'n1: port 7000 ("q") on n1 is already claimed by a.0 ("p")',
    });
  });

  it('knows agents of other fleets as dependencies', () => {
    const state = withFleet(meshWith('n1'), 'other', { store: {} });
    expect(
      problems({ a: { start: { dependsOn: ['store'] } } }, { state, candidates: [n1] }),
    ).toEqual([]);
  });

  it('warns when another fleet depends on what goes', () => {
    const first = withFleet(meshWith('n1'), 'home', { store: {}, rest: {} });
    const state = withFleet(first, 'other', { user: { start: { dependsOn: ['store'] } } });
    const { fleet } = makeFleet('home', { rest: {} });
    expect(planFleet(fleet, { state, candidates: [n1] }).warnings).toEqual([
      'user depends on store, which is nowhere declared',
    ]);
  });

  it('says in which phase each instance starts on its node', () => {
    const { fleet } = makeFleet('home', {
      last: { start: { dependsOn: ['mid'] } },
      mid: { start: { group: 'core', dependsOn: ['first'] } },
      first: {},
    });
    const { steps } = planFleet(fleet, { state: meshWith('n1'), candidates: [n1] });
    expect(steps.map(({ agent, phase, group }) => [agent, phase, group])).toEqual([
      ['first', 1, undefined],
      ['mid', 2, 'core'],
      ['last', 3, undefined],
    ]);
  });
});

describe('agentsToCheck', () => {
  it('asks about what is new everywhere, and about what changed where it is', () => {
    const state = withFleet(meshWith('n1'), 'home', { old: {}, same: {}, label: {} });
    const { fleet } = makeFleet('home', {
      old: { cwd: '/srv' },
      same: {},
      label: { labels: { a: 'b' } },
      fresh: {},
    });
    const plan = planFleet(fleet, { state, candidates: [n1] });
    const asked = agentsToCheck(plan, fleet).map(({ agent, on }) => [agent, on]);
    expect(asked).toEqual([
      ['old', nodeName('n1')],
      ['fresh', undefined],
    ]);
  });
});
