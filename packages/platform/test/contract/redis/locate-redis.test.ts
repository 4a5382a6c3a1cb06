import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshError } from '@meshwork/shared';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { locateRedis, userCacheDir, type RedisProgram } from '../../../src/redis/locate-redis.ts';

let root: string;
let bin: string;
let cacheDir: string;
const progress: string[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mesh-locate-'));
  bin = join(root, 'bin');
  cacheDir = join(root, 'cache');
  mkdirSync(bin);
  progress.length = 0;
});
afterEach(() => rmSync(root, { recursive: true }));

/** Puts a program on the PATH that these tests search. */
function install(name: string, body: string, dir = bin): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

const server = (kind: string, version: string): string =>
  `echo "${kind} server v=${version} sha=00000000:0 malloc=jemalloc"`;

/** Stands in for apt and dpkg of a machine whose package lists are there, or (`empty`) come with an update only. */
function installApt(
  options: { readonly version?: string; readonly lists?: 'there' | 'empty' } = {},
): void {
  const { version = '7.0.15', lists = 'there' } = options;
  install(
    'apt-get',
    `printf '%s\\n' "$*" >>'${root}/apt.log'
own=no
case "$*" in *Dir::State=*) own=yes;; esac
case "$*" in
  *update*) exit 0;;
  *valkey-server*) echo "E: Unable to locate package valkey-server" >&2; exit 100;;
esac
if [ ${lists} = empty ] && [ $own = no ]; then echo "E: Unable to locate package redis-server" >&2; exit 100; fi
case "$*" in
  *--print-uris*)
    echo "'http://debian.example/r.deb' redis-server_5%3a${version}_amd64.deb 100 "
    echo "'http://debian.example/l.deb' liblzf1_3.6-3_amd64.deb 100 MD5Sum:0";;
  *download*) /bin/sleep 0.1; echo deb >redis-server_7_amd64.deb; echo deb >liblzf1_3_amd64.deb;;
esac`,
  );
  install(
    'dpkg',
    `/bin/mkdir -p "$3/usr/bin" "$3/usr/lib/x86_64-linux-gnu"
case "$2" in *redis-server_*)
  printf '#!/bin/sh\\necho "Redis server v=${version} $LD_LIBRARY_PATH"\\n' >"$3/usr/bin/redis-server"
  /bin/chmod 755 "$3/usr/bin/redis-server";;
esac`,
  );
}

const locate = (mayFetch = true): Promise<RedisProgram> =>
  locateRedis({
    env: { PATH: bin },
    cacheDir,
    mayFetch,
    onProgress: (text) => progress.push(text),
    signal: AbortSignal.timeout(20_000),
  });

async function failureOf(promise: Promise<unknown>): Promise<MeshError> {
  const error: unknown = await promise.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MeshError);
  return error as MeshError;
}

test.each([
  ['redis-server', 'Redis', '7.0.15'],
  ['redis-server', 'Redis', '8.2.1'],
  ['valkey-server', 'Valkey', '8.0.1'],
])('%s on PATH is taken when it is %s %s', async (name, kind, version) => {
  install(name, server(kind, version));

  expect(await locate()).toMatchObject({ command: name, version, origin: 'path' });
});

test('a server that is too old or does not run is passed over, with the reason in the end', async () => {
  install('redis-server', server('Redis', '6.2.7'));
  install('valkey-server', 'echo "cannot open shared object libvalkey.so" >&2; exit 127');

  const error = await failureOf(locate(false));

  expect(error.code).toBe('MESH_REDIS_MISSING');
  expect(error.message).toContain('redis-server is 6.2.7, 7.0 is needed');
  expect(error.message).toContain('libvalkey.so');
  expect(error.message).toMatch(/type: \S+/);
});

test('the package of the distribution is unpacked once and found again, with its libraries', async () => {
  installApt();

  const fetched = await locate();
  progress.length = 0;
  const again = await locate();

  expect(fetched).toEqual({
    command: join(cacheDir, 'redis-server', 'usr', 'bin', 'redis-server'),
    env: {
      PATH: bin,
      LC_ALL: 'C',
      LD_LIBRARY_PATH: [
        join(cacheDir, 'redis-server/usr/lib/x86_64-linux-gnu'),
        join(cacheDir, 'redis-server/usr/lib'),
      ].join(':'),
    },
    version: '7.0.15',
    origin: 'fetched',
  });
  expect(again).toEqual(fetched);
  expect(progress).toEqual([]);
  expect(readdirSync(cacheDir)).toEqual(['redis-server']);
});

test('without package lists they are fetched beside those of the system', async () => {
  installApt({ lists: 'empty' });

  expect(await locate()).toMatchObject({ origin: 'fetched' });

  const calls = readFileSync(join(root, 'apt.log'), 'utf8').split('\n');
  const updates = calls.filter((call) => call.endsWith('update'));
  expect(updates).toHaveLength(1);
  expect(updates[0]).toContain(`Dir::State=${cacheDir}`);
  expect(
    calls.filter((call) => call.includes('download') && !call.includes('--print-uris')),
  ).toHaveLength(1);
});

test('several processes that fetch at once all get a whole server', async () => {
  installApt();

  const found = await Promise.all(Array.from({ length: 5 }, () => locate()));

  expect(new Set(found.map((program) => program.command)).size).toBe(1);
  expect(found.every((program) => program.version === '7.0.15')).toBe(true);
  expect(readdirSync(cacheDir)).toEqual(['redis-server']);
});

test('a fetched server that does not run any more is fetched anew', async () => {
  installApt();
  const { command } = await locate();
  install('redis-server', 'exit 127', join(command, '..'));

  expect(await locate()).toMatchObject({ command, version: '7.0.15' });
});

test('what a killed fetch left behind is removed after an hour', async () => {
  installApt();
  const left = join(cacheDir, '.redis-server-1-1');
  mkdirSync(left, { recursive: true });
  utimesSync(left, new Date(0), new Date(0));

  await locate();

  expect(readdirSync(cacheDir)).toEqual(['redis-server']);
});

test('without apt the line to type is named', async () => {
  const error = await failureOf(locate());

  expect(error.code).toBe('MESH_REDIS_MISSING');
  expect(error.details?.['install']).toMatch(/redis|valkey/);
});

test('a package that is too old is not taken', async () => {
  installApt({ version: '6.0.16' });

  expect((await failureOf(locate())).message).toContain('6.0.16, 7.0 is needed');
});

test('the cache is where the user keeps caches', () => {
  expect(userCacheDir({ XDG_CACHE_HOME: '/x', HOME: '/h' })).toBe('/x/meshwork');
  expect(userCacheDir({ HOME: '/h' })).toBe('/h/.cache/meshwork');
});
