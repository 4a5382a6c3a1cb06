import { AgentRow, NodeRow, Status } from '@meshwork/shared';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import { renderCommandHelp, renderOverview } from '../../src/help.ts';
import { isWell, renderStatus } from '../../src/output/status-view.ts';
import { renderTable } from '../../src/output/table.ts';

const terminal = { out: () => {}, err: () => {}, isInteractive: false, columns: 80 };
const coloured = { ...terminal, isInteractive: true };

function agentRow(over: Partial<AgentRow> = {}): AgentRow {
  return AgentRow.parse({
    name: 'librarian',
    instance: 'librarian.0',
    fleet: 'home-lab',
    node: 'main-pc',
    state: 'ready',
    desired: 'run',
    stateAgeMs: 61_000,
    isStale: false,
    restarts: 0,
    crashes: 0,
    ports: { http: 20_001 },
    evidence: {},
    labels: {},
    group: 'search',
    phase: 3,
    ...over,
  });
}

const node = NodeRow.parse({
  name: 'main-pc',
  state: 'alive',
  heardAgoMs: 120,
  admission: 'accepted',
  fingerprint: 'ab12-cd34',
  labels: {},
  cordoned: false,
  agents: { total: 2, ready: 1 },
  isCurrent: true,
});

function status(agents: readonly AgentRow[]): Status {
  return Status.parse({
    mesh: {
      id: '0123456789abcdef0123456789abcdef',
      term: 3,
      revision: 7,
      release: '0.1.0',
      store: { state: 'up', durable: true, losses: [] },
      uptimeMs: 65_000,
    },
    nodes: [node],
    agents,
  });
}

describe('renderTable', () => {
  it('lines columns up whatever colours the cells have', () => {
    const rows = [
      ['a', '1'],
      ['\u001B[32mlonger\u001B[0m', '200'],
    ];

    const text = renderTable(rows, [
      { title: 'name', cell: ([name = '']) => name },
      { title: 'count', align: 'right', cell: ([, count = '']) => count },
    ]);

    expect(text.replaceAll(/\u001B\[\d+m/g, '')).toBe(
      'NAME    COUNT\na           1\nlonger    200\n',
    );
  });
});

describe('renderStatus', () => {
  it('names what is not well with its reason, and only that', () => {
    const text = renderStatus(
      terminal,
      status([
        agentRow(),
        agentRow({
          name: 'shard-1',
          instance: 'shard-1.0',
          state: 'crashed',
          reason: 'exit code 3',
        } as never),
      ]),
    );

    expect(text).toContain('1 agent not ready');
    expect(text).toMatch(/shard-1\.0 +main-pc +crashed .* exit code 3/);
    expect(text).toMatch(/main-pc +3 +search +1\/2 +librarian\.0, shard-1\.0/);
  });

  it('colours only where somebody looks', () => {
    expect(renderStatus(terminal, status([agentRow()]))).not.toContain('\u001B');
    expect(renderStatus(coloured, status([agentRow()]))).toContain('\u001B[32mready'.slice(0, 5));
  });
});

describe('isWell', () => {
  it.each([
    { over: { state: 'ready' }, expected: true },
    { over: { state: 'ready', isStale: true }, expected: false },
    { over: { state: 'stopped', desired: 'stop' }, expected: true },
    { over: { state: 'stopped', desired: 'run' }, expected: false },
    { over: { state: 'ended' }, expected: true },
    { over: { state: 'running' }, expected: false },
    { over: { state: 'unclaimed' }, expected: false },
  ] as const)('says $expected of $over', ({ over, expected }) => {
    expect(isWell(agentRow(over))).toBe(expected);
  });
});

describe('help', () => {
  it('fits 120 columns and names every command', () => {
    const text = renderOverview(commands);

    expect(commands.filter((command) => !text.includes(command.path))).toEqual([]);
    expect(text.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });

  it('shows options and examples of one command', () => {
    const ping = commands.find((command) => command.path === 'ping');

    expect(ping && renderCommandHelp(ping)).toMatch(
      /usage: mesh ping \[TARGET\][^]*--all[^]*mesh ping --all/,
    );
  });
});
