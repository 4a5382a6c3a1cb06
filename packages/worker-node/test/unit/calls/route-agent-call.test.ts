import {
  AgentName,
  InstanceId,
  MeshError,
  NodeName,
  type RequestOutcome,
  type Uplink,
} from '@meshwork/shared';
import { expect, test } from 'vitest';
import { createAgentCallRoute } from '../../../src/calls/route-agent-call.ts';
import type { Caller } from '../../../src/services/ports.ts';

const ask = {
  target: AgentName.parse('shard'),
  action: 'search',
  args: { q: 'backup' },
  caller: InstanceId.parse('librarian.0'),
};
const options = { timeoutMs: 500, signal: new AbortController().signal };
const here = { instance: InstanceId.parse('shard.0'), ports: { zmq: 7000 } };

function createRoute(changes: {
  readonly isBound: boolean;
  readonly found?: typeof here;
  readonly call?: Caller['call'];
}): ReturnType<typeof createAgentCallRoute> {
  const overMainNode: RequestOutcome<unknown> = {
    status: 'answered',
    answer: { instance: 'shard.3', node: 'pc3', result: 'from afar', durationMs: 2 },
  };
  return createAgentCallRoute({
    node: NodeName.parse('pc2'),
    random: { bytes: (count) => new Uint8Array(count), next: () => 0 },
    caller: {
      call:
        changes.call ??
        ((target, { action, caller }) =>
          Promise.resolve({ result: [target.instance, action, caller], durationMs: 1 })),
      inFlight: () => 0,
    },
    uplink: {
      isBound: changes.isBound,
      request: (() => Promise.resolve(overMainNode)) as unknown as Uplink['request'],
    },
    findReady: () => changes.found,
  });
}

test('goes over the main node while that is there, also when an instance is near', async () => {
  const outcome = await createRoute({ isBound: true, found: here })(ask, options);

  expect(outcome).toMatchObject({ status: 'answered', answer: { result: 'from afar' } });
});

test('goes straight to an instance of this node while the main node is away', async () => {
  const outcome = await createRoute({ isBound: false, found: here })(ask, options);

  expect(outcome).toEqual({
    status: 'answered',
    answer: {
      instance: 'shard.0',
      node: 'pc2',
      result: ['shard.0', 'search', 'librarian.0'],
      durationMs: 1,
    },
  });
});

test('is refused when the main node is away and nothing is near', async () => {
  const outcome = await createRoute({ isBound: false })(ask, options);

  expect(outcome).toMatchObject({ status: 'refused', error: { code: 'MESH_UNREACHABLE' } });
});

test.each([
  ['MESH_EXPIRED', 'expired'],
  ['MESH_OUTCOME_UNKNOWN', 'unknown'],
  ['MESH_BUSY', 'refused'],
] as const)('tells a local %s as %s', async (code, status) => {
  const route = createRoute({
    isBound: false,
    found: here,
    call: () => Promise.reject(new MeshError(code, 'so it ended')),
  });

  expect(await route(ask, options)).toEqual({ status, error: { code, message: 'so it ended' } });
});
