import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSameProcess, readLock, readProcessIdentity } from '@meshwork/platform';
import { encodeToken, Invite, parseToken, type JoinToken, type NodeRow } from '@meshwork/shared';
import { findLeftProcesses, startRealMesh, until, type RealMesh } from '@meshwork/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeMeshFolder, type MeshFolder, type MeshShellOptions } from './mesh-folder.ts';

/** How soon a node that was let in is attached, ms. */
const attachedWithinMs = 15_000;

let mesh: RealMesh;
const folders: MeshFolder[] = [];
beforeAll(async () => {
  mesh = await startRealMesh();
}, 60_000);
afterAll(() => mesh?.stop(), 60_000);
afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.stop();
}, 60_000);

async function newFolder(options?: MeshShellOptions): Promise<MeshFolder> {
  const folder = await makeMeshFolder(options);
  folders.push(folder);
  return folder;
}

async function invite(...args: readonly string[]): Promise<Invite & { token: string }> {
  const command = ['node', 'invite', '--address', '127.0.0.1', '-o', 'json', ...args];
  const { stdout, stderr } = await mesh.mesh(...command);
  const made = Invite.parse(JSON.parse(stdout === '' ? stderr : stdout));
  return { ...made, token: made.token ?? '' };
}

/** What `mesh node invite --pending` tells to type on the other PC. */
async function waitingCommand(): Promise<readonly string[]> {
  const { addresses, serverKey } = await invite('--pending');
  return ['join', '--main', addresses[0] ?? '', `--server-key=${serverKey}`];
}

const rowOf = async (name: string): Promise<NodeRow | undefined> =>
  (await mesh.status()).nodes.find((node) => node.name === name);

const untilAlive = (name: string): Promise<NodeRow> =>
  until(
    `node ${name} is alive`,
    async () => {
      const row = await rowOf(name);
      return row?.state === 'alive' && row.admission === 'accepted' && row;
    },
    { withinMs: attachedWithinMs },
  );

async function keyOf(folder: MeshFolder, node: string): Promise<string> {
  const text = await readFile(join(folder.dir, 'nodes', node, 'key.json'), 'utf8');
  return JSON.parse(text).data.publicKey;
}

function changed(token: string, change: Partial<JoinToken>): string {
  const parsed = parseToken(token);
  if (!parsed.ok) throw new Error(parsed.problem);
  return encodeToken({ ...parsed.token, ...change });
}

/** An agent that lives until it is told to end. */
const fleetOn = (node: string) => ({
  fleet: `on-${node}`,
  agents: { [`worker-${node}`]: { command: ['sleep', '600'], placement: { node } } },
});

describe('mesh join with a token', () => {
  it('makes the folder a node of the mesh, which runs agents there and is stopped there', async () => {
    const folder = await newFolder();
    const { token } = await invite('pc2');

    const joined = await folder.mesh('join', token, '--detach', '-o', 'json');

    expect(joined).toMatchObject({ code: 0 });
    const row = await untilAlive('pc2');
    expect(JSON.parse(joined.stdout)).toMatchObject({
      node: 'pc2',
      fingerprint: row.fingerprint,
      mesh: (await mesh.status()).mesh.id,
    });
    await mesh.apply(fleetOn('pc2'));
    const agents = await mesh.untilReady({ agents: 1 });
    expect(agents.get('worker-pc2.0')?.node).toBe('pc2');
    expect((await mesh.mesh('remove', 'on-pc2')).code).toBe(0);
    expect((await folder.mesh('down')).code).toBe(0);
    expect(findLeftProcesses(folder.dir)).toEqual([]);
  });

  it('leaves a folder in which mesh up runs that node alone, and other commands name the Main PC', async () => {
    const folder = await newFolder();
    const { token } = await invite();
    await folder.mesh('join', token, '--name', 'second', '--detach');
    await folder.mesh('down');

    const up = await folder.mesh('up', '--detach');
    const status = await folder.mesh('status');
    const doctor = await folder.mesh('doctor');

    expect(up.code).toBe(0);
    expect(existsSync(join(folder.dir, 'main-node'))).toBe(false);
    await untilAlive('second');
    expect(status).toMatchObject({ code: 4 });
    expect(status.stderr).toMatch(
      /node second of a mesh whose main node is on another PC \(127\.0\.0\.1:\d+\)/,
    );
    expect(doctor.stdout).toMatch(/node second .*pid \d+/);
    expect(doctor.stdout).toMatch(/ok +main node of second/);
  });

  it('may be repeated with the same key, and keeps the node that runs', async () => {
    const { token } = await invite();
    const folder = await newFolder({ stdin: `${token}\n` });
    await folder.mesh('join', '-', '--name', 'again', '--detach');
    const before = readLock(join(folder.dir, 'nodes', 'again'));

    const repeated = await folder.mesh('join', token, '--detach');

    expect(repeated).toMatchObject({ code: 0 });
    expect(readLock(join(folder.dir, 'nodes', 'again'))?.process).toEqual(before?.process);
  });

  it('goes on where it was killed, at whatever step, until Ctrl-C, and leaves nothing behind', async () => {
    const folder = await newFolder();
    const { token } = await invite();
    const command = ['join', token, '--name', 'killed'] as const;
    const file = (name: string): string => join(folder.dir, 'nodes', 'killed', name);
    const moments: readonly (() => boolean)[] = [
      () => existsSync(join(folder.dir, 'mesh.json')),
      () => existsSync(file('key.json')),
      () => existsSync(file('join.json')),
      () => readLock(join(folder.dir, 'nodes', 'killed')) !== undefined,
    ];

    for (const isReached of moments) {
      const joining = folder.start(...command);
      await until('the moment has come', isReached, { withinMs: 20_000 });
      joining.child.kill('SIGKILL');
      await joining.ended;
    }
    const last = folder.start(...command);
    await last
      .untilSays('node killed is attached to the main node')
      .catch(async (error: unknown) => {
        const log = await readFile(join(folder.dir, 'logs', 'node-killed.log'), 'utf8');
        throw new Error(`${String(error)}\n${log}`, { cause: error });
      });

    await untilAlive('killed');
    last.child.kill('SIGINT');
    expect(await last.ended).toBe(0);
    expect(last.output()).toContain('everything is stopped');
    expect(findLeftProcesses(folder.dir)).toEqual([]);
  });
});

describe('mesh join refuses', () => {
  it('a token that was damaged on its way, before it asks anybody', async () => {
    const folder = await newFolder();
    const { token } = await invite();

    const result = await folder.mesh('join', token.slice(0, -9));

    expect(result).toMatchObject({ code: 5 });
    expect(result.stderr).toContain('damaged');
  });

  it('a wrong, a used and an expired token, each with its reason', async () => {
    const folder = await newFolder();
    const used = await invite();
    expect((await folder.mesh('join', used.token, '--name', 'user', '--detach')).code).toBe(0);
    const short = await invite('--expires', '1s');
    const other = await newFolder();

    const wrong = await other.mesh('join', changed(used.token, { secret: 'guessed' }));
    const spent = await other.mesh('join', used.token, '--name', 'late');
    const parsed = parseToken(short.token);
    await until('the token has expired', () => parsed.ok && Date.now() > parsed.token.expiresAtMs);
    const expired = await other.mesh('join', short.token, '--name', 'late');

    expect([wrong.code, spent.code, expired.code]).toEqual([3, 3, 3]);
    expect(wrong.stderr).toContain('the token is wrong');
    expect(spent.stderr).toContain('the token is used up');
    expect(expired.stderr).toContain('expired');
    expect(await rowOf('late')).toBeUndefined();
    expect(existsSync(join(other.dir, 'mesh.json'))).toBe(false);
  });

  it('a token of another mesh: whoever answers there does not hold its key', async () => {
    const folder = await newFolder();
    const { token } = await invite();
    const stranger = changed(token, {
      serverKey: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7' as JoinToken['serverKey'],
    });

    const result = await folder.mesh('join', stranger);

    expect(result).toMatchObject({ code: 4 });
    expect(result.stderr).toContain('not the main node of this token');
  });

  it('a name that another key holds, and says how that key would get it', async () => {
    const { token } = await invite();
    const folder = await newFolder();

    const result = await folder.mesh('join', token, '--name', 'main-pc');

    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toMatch(/MESH_NODE_EXISTS/);
    expect(result.stderr).toContain('mesh node re-key main-pc');
  });

  it('another name than the one the token is for', async () => {
    const { token } = await invite('bound');
    const folder = await newFolder();

    const result = await folder.mesh('join', token, '--name', 'free');

    expect(result).toMatchObject({ code: 5 });
    expect(result.stderr).toContain('lets in a node named bound only');
  });

  it('a closed port, naming each address, its reason and the line for the firewall', async () => {
    const { token } = await invite();
    const folder = await newFolder();
    const nowhere = changed(token, { addresses: ['127.0.0.1:1', 'no-such-host.invalid:5551'] });

    const result = await folder.mesh('join', nowhere);

    expect(result).toMatchObject({ code: 4 });
    expect(result.stderr).toMatch(/127\.0\.0\.1:1: the port is closed.*ufw allow/);
    expect(result.stderr).toMatch(/no-such-host\.invalid:5551: this name is not known here/);
  });

  it('a folder that runs a main node, or is a node of another mesh', async () => {
    const { token } = await invite();
    const folder = await newFolder();
    await folder.mesh('join', token, '--name', 'settled', '--detach');
    const another = changed(token, {
      serverKey: 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7' as JoinToken['serverKey'],
    });

    const inMain = await mesh.mesh('join', token);
    const inOther = await folder.mesh('join', another);

    expect([inMain.code, inOther.code]).toEqual([1, 1]);
    expect(inMain.stderr).toContain('runs a main node of its own');
    expect(inOther.stderr).toContain('is node settled of the mesh at');
  });
});

describe('mesh join without a token', () => {
  async function startWaiting(name: string) {
    const folder = await newFolder();
    const waiting = folder.start(...(await waitingCommand()), '--name', name);
    await waiting.untilSays('waits for a person');
    const fingerprint = /([0-9a-f]{4}-){7}[0-9a-f]{4}/.exec(waiting.output())?.[0] ?? '';
    return { folder, waiting, fingerprint };
  }

  it('waits until a person compared the fingerprint and accepts it', async () => {
    const { waiting, fingerprint } = await startWaiting('patient');

    const listed = await mesh.mesh('node', 'list');
    const wrong = await mesh.mesh('node', 'accept', 'patient', fingerprint.replace(/^./, 'z'));
    const accepted = await mesh.mesh('node', 'accept', 'patient', ...fingerprint.split('-'));

    expect(listed.stdout).toMatch(new RegExp(`^patient +pending .*${fingerprint}$`, 'm'));
    expect(wrong.code).toBe(6);
    expect(accepted).toMatchObject({ code: 0 });
    await waiting.untilSays('node patient is attached to the main node');
    expect((await untilAlive('patient')).fingerprint).toBe(fingerprint);
  });

  it('ends when the key is sent away, and that key stays away', async () => {
    const { waiting } = await startWaiting('unwanted');

    const rejected = await mesh.mesh('node', 'reject', 'unwanted');

    expect(rejected).toMatchObject({ code: 0 });
    expect(await waiting.ended).toBe(3);
    expect(waiting.output()).toContain('was sent away');
    expect(await rowOf('unwanted')).toBeUndefined();
  });

  it('ends with Ctrl-C, and waits again with the same key', async () => {
    const { folder, waiting, fingerprint } = await startWaiting('doubtful');
    waiting.child.kill('SIGINT');
    expect(await waiting.ended).toBe(1);
    expect(waiting.output()).toContain('MESH_JOIN_PENDING');
    expect((await folder.mesh('up')).stderr).toContain('has not joined yet');

    const again = folder.start(...(await waitingCommand()));
    await again.untilSays(`key of doubtful waits`);

    expect(again.output()).toContain(fingerprint);
    await mesh.mesh('node', 'reject', 'doubtful');
    expect(await again.ended).toBe(3);
  });
});

describe('mesh node', () => {
  async function joinAs(name: string): Promise<MeshFolder> {
    const { token } = await invite(name);
    const folder = await newFolder();
    expect(await folder.mesh('join', token, '--detach')).toMatchObject({ code: 0 });
    await untilAlive(name);
    return folder;
  }

  it('revoke cuts a node off within a second; it stops its agents and does not come back', async () => {
    const folder = await joinAs('traitor');
    await mesh.apply(fleetOn('traitor'));
    const agents = await mesh.untilReady({ agents: 1 });
    const agent = readProcessIdentity(agents.get('worker-traitor.0')?.pid ?? 0);
    const daemon = readLock(join(folder.dir, 'nodes', 'traitor'));
    if (agent === undefined || daemon === undefined) throw new Error('it does not run');

    const revoked = await mesh.mesh('node', 'revoke', 'traitor');
    const pinged = await mesh.mesh('ping', 'traitor');

    expect(revoked).toMatchObject({ code: 0 });
    expect(revoked.stdout).toContain('it heard of it and stops 1 agents');
    expect(pinged.code).not.toBe(0);
    await until('its agent has ended', () => !isSameProcess(agent), { withinMs: 15_000 });
    await until('the node has ended', () => !isSameProcess(daemon.process), { withinMs: 15_000 });
    const up = await folder.mesh('up');
    expect(up).toMatchObject({ code: 3 });
    expect(up.stderr).toMatch(/node traitor was revoked .*mesh node re-key traitor/);
    expect((await rowOf('traitor'))?.admission).toBe('revoked');
    expect((await mesh.mesh('remove', 'on-traitor')).code).toBe(0);
  });

  it('revoke refuses the key, and frames that were under way, from then on', async () => {
    const folder = await joinAs('muted');
    const daemon = readLock(join(folder.dir, 'nodes', 'muted'));
    if (daemon === undefined) throw new Error('it does not run');
    process.kill(daemon.process.pid, 'SIGSTOP');

    const revoked = await mesh.mesh('node', 'revoke', 'muted');
    const term = (await mesh.status()).mesh.term;
    process.kill(daemon.process.pid, 'SIGCONT');
    await until(
      'the node knows that its key is refused',
      async () => {
        const log = await readFile(join(folder.dir, 'logs', 'node-muted.log'), 'utf8');
        return log.includes('not enrolled there, or revoked');
      },
      { withinMs: 15_000 },
    );

    expect(revoked.stdout).toContain('whether it heard of it is not known');
    const row = await rowOf('muted');
    expect(row?.admission).toBe('revoked');
    expect(row?.state).not.toBe('alive');
    expect((await mesh.status()).mesh.term).toBe(term);
  });

  it('remove takes an empty node out; its own key may come back under its name', async () => {
    const folder = await joinAs('leaver');
    const daemon = readLock(join(folder.dir, 'nodes', 'leaver'));
    if (daemon === undefined) throw new Error('it does not run');

    const removed = await mesh.mesh('node', 'remove', 'leaver');
    await until('the node has ended', () => !isSameProcess(daemon.process), { withinMs: 15_000 });

    expect(removed).toMatchObject({ code: 0 });
    expect(await rowOf('leaver')).toBeUndefined();
    const { token } = await invite('leaver');
    expect(await folder.mesh('join', token, '--detach')).toMatchObject({ code: 0 });
    await untilAlive('leaver');
  });

  it('remove refuses a node that has agents, naming them', async () => {
    await joinAs('busy');
    await mesh.apply(fleetOn('busy'));
    await mesh.untilReady({ agents: 1 });

    const result = await mesh.mesh('node', 'remove', 'busy');

    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toMatch(/MESH_NODE_NOT_EMPTY/);
    expect(result.stderr).toContain('worker-busy.0');
    await mesh.mesh('remove', 'on-busy');
  });

  it('re-key gives the name of a PC that was set up anew to its new key, and only then', async () => {
    const old = await joinAs('reborn');
    const oldKey = await keyOf(old, 'reborn');
    await old.mesh('down');
    const fresh = await newFolder();
    const waiting = fresh.start(...(await waitingCommand()), '--name', 'reborn');
    await waiting.untilSays('waits for a person');
    const fingerprint = /([0-9a-f]{4}-){7}[0-9a-f]{4}/.exec(waiting.output())?.[0] ?? '';

    const accepted = await mesh.mesh('node', 'accept', 'reborn', fingerprint);
    const rekeyed = await mesh.mesh('node', 're-key', 'reborn', fingerprint);

    expect(accepted).toMatchObject({ code: 1 });
    expect(accepted.stderr).toContain('mesh node re-key reborn');
    expect(rekeyed).toMatchObject({ code: 0 });
    await waiting.untilSays('node reborn is attached to the main node');
    expect((await untilAlive('reborn')).fingerprint).toBe(fingerprint);
    expect(await keyOf(fresh, 'reborn')).not.toBe(oldKey);
    const shown = await mesh.mesh('node', 'show', 'reborn');
    expect(shown.stdout).toContain(fingerprint);
  });

  it('never revokes the own node of the Main PC', async () => {
    const result = await mesh.mesh('node', 'revoke', 'main-pc');

    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toMatch(/MESH_NODE_SELF/);
  });
});
