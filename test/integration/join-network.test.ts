/** Joining from another PC: what is open there, and when. */
import { join, resolve } from 'node:path';
import { readLock } from '@meshwork/platform';
import { Invite } from '@meshwork/shared';
import {
  hasNeed,
  itNeeds,
  openMeshApi,
  startNetWorld,
  startRealMesh,
  until,
  type MeshApi,
  type NetWorld,
  type RealMesh,
} from '@meshwork/testkit';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { makeMeshFolder, type MeshFolder } from './mesh-folder.ts';

const echo = resolve('test/fixtures/agents/echo.py');
const needs = ['netns', 'iptables', 'python3'] as const;

let net: NetWorld;
let mesh: RealMesh;
let api: MeshApi;
let folder: MeshFolder;
beforeAll(async () => {
  if (!needs.every(hasNeed)) return;
  net = await startNetWorld();
  mesh = await startRealMesh({ pc: net.main });
  api = await openMeshApi(mesh.dir, net.main);
  folder = await makeMeshFolder({ inside: net.far.command });
}, 60_000);
afterAll(async () => {
  await folder?.stop();
  await api?.stop();
  await mesh?.stop();
  await net?.stop();
}, 60_000);

const controlPort = (): number =>
  readLock(join(mesh.dir, 'main-node'))?.endpoints['control']?.port ?? 0;

/** Whether a TCP connection from the far PC to the Main PC's address is taken. */
async function isOpen(port: number): Promise<boolean> {
  const code = `import socket,sys; s=socket.socket(); s.settimeout(2); sys.exit(s.connect_ex(('${net.main.address}',${port})) and 1)`;
  return net.far.run('python3', '-c', code).then(
    () => true,
    () => false,
  );
}

/** Addresses on which the daemons of the Main PC listen beyond loopback. */
async function listensOn(): Promise<readonly string[]> {
  const sockets = await net.main.run('ss', '-Htln');
  const addresses = sockets.split('\n').flatMap((line) => line.trim().split(/\s+/)[3] ?? []);
  return addresses.filter((address) => !/^(127\.|\[::1\])/.test(address)).toSorted();
}

async function invite(...args: readonly string[]): Promise<Invite> {
  return Invite.parse(
    JSON.parse((await mesh.mesh('node', 'invite', '-o', 'json', ...args)).stdout),
  );
}

const untilFarIs = (state: string): Promise<true> =>
  until(
    `the far node is ${state}`,
    async () => {
      const status = await api.status().catch(() => undefined);
      return status?.nodes.some((node) => node.name === 'far' && node.state === state) === true;
    },
    { withinMs: 15_000 },
  );

describe('mesh join over a network', () => {
  itNeeds(needs, 'finds nothing open on a fresh mesh, and says what would open it', async () => {
    const server = readLock(join(mesh.dir, 'main-node'))?.endpoints['control']?.publicKey ?? '';

    const refused = await folder.mesh(
      'join',
      '--main',
      `${net.main.address}:5551`,
      `--server-key=${server}`,
    );

    expect(await listensOn()).toEqual([]);
    expect(await isOpen(controlPort())).toBe(false);
    expect(refused).toMatchObject({ code: 4 });
    expect(refused.stderr).toMatch(/10\.77\.0\.1:5551: the port is closed.*mesh node invite/);
  });

  itNeeds(needs, 'names the firewall line where packets are dropped', async () => {
    const { token = '' } = await invite('--expires', '8s');
    await net.cut('main');

    const result = await folder.mesh('join', token, '--name', 'far');
    await net.heal();

    expect(result).toMatchObject({ code: 4 });
    expect(result.stderr).toMatch(/10\.77\.0\.1:\d+: no answer.*ufw allow 5550:5551\/tcp/);
  });

  itNeeds(needs, 'makes the far PC a node whose agents are called from here', async () => {
    const { token = '', addresses } = await invite('far', '--expires', '12s');

    const joined = await folder.mesh('join', token, '--detach');
    await untilFarIs('alive');
    await mesh.apply({
      fleet: 'lab',
      agents: {
        echo: {
          command: ['/usr/bin/python3', echo, '${port.http}'],
          ports: { http: 'auto' },
          health: { http: { port: 'http' }, interval: '1s' },
          calls: { http: 'http' },
          placement: { node: 'far' },
        },
      },
    });
    await mesh.untilReady({ agents: 1 });

    expect(joined).toMatchObject({ code: 0 });
    expect(addresses).toEqual([
      expect.stringMatching(/^10\.77\.0\.1:/),
      expect.stringMatching(/^127/),
    ]);
    const answer = await api.call('echo', 'echo', { q: 'over the wire' }, 5_000);
    expect(answer).toMatchObject({ status: 'answered', node: 'far' });
    const far = (await api.status()).nodes.find(({ name }) => name === 'far');
    expect(far?.address).toBe(net.far.address);
  });

  itNeeds(
    needs,
    'is over when nobody can join: the door closes, the control port stays',
    async () => {
      const [address = ''] = (await invite('--expires', '1s')).addresses;
      const door = Number(address.split(':').at(-1));
      expect(await isOpen(door)).toBe(true);

      await until('the door is closed', async () => !(await isOpen(door)), { withinMs: 30_000 });

      expect(await isOpen(controlPort())).toBe(true);
    },
  );

  itNeeds(
    needs,
    'lasts over a restart of the main node, on the same address and port',
    async () => {
      const before = { port: controlPort(), on: await listensOn() };
      const killed = await mesh.pidOf('main-node');

      process.kill(killed, 'SIGKILL');
      await mesh.untilBack('main-node', killed);
      await untilFarIs('alive');

      expect({ port: controlPort(), on: await listensOn() }).toEqual(before);
    },
  );

  itNeeds(needs, 'ends within a second of a revoke: no connection is left', async () => {
    const established = async (): Promise<readonly string[]> => {
      const filter = ['state', 'established', 'src', net.main.address];
      const sockets = await net.main.run('ss', '-Htn', ...filter);
      return sockets.split('\n').filter((line) => line.includes(`:${controlPort()} `));
    };
    expect(await established()).not.toEqual([]);

    const startedMs = performance.now();
    const answer = await api.ask('POST', '/v1/nodes/far/act', { act: 'revoke' });
    const endedMs = await until(
      'no connection is left',
      async () => (await established()).length === 0 && performance.now(),
      { withinMs: 5_000 },
    );

    expect(answer.status).toBe(200);
    expect(endedMs - startedMs).toBeLessThan(1_000);
    const far = (await api.status()).nodes.find(({ name }) => name === 'far');
    expect(far?.admission).toBe('revoked');
    expect(far?.state).not.toBe('alive');
    expect(await folder.mesh('up')).toMatchObject({ code: 3 });
  });
});
