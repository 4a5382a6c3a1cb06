import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Witnesses } from './witness.ts';

/** A supervisor under measurement: the same three things of each. */
export interface Side {
  /** Starts all programs; resolves when each has written its line. */
  startAll(): Promise<void>;
  /** Finds out which processes they are; no time of it is counted. */
  findPids(): Promise<void>;
  /** Kills one program with SIGKILL; resolves when its successor has written its line. Answers ms. */
  killOne(index: number): Promise<number>;
  stop(): Promise<void>;
}

const VERSION = '7.0.4';

interface Pm2 {
  connect(isNoDaemon: boolean, done: (error?: Error) => void): void;
  start(apps: readonly object[], done: (error?: Error) => void): void;
  list(done: (error: Error | null, list: { name: string; pid: number }[]) => void): void;
  killDaemon(done: (error?: Error) => void): void;
  disconnect(): void;
}

/** Installs PM2 into a cache of the benchmark's own, once. */
export async function installPm2(): Promise<string> {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const dir = join(cache, 'meshwork', 'bench', `pm2-${VERSION}`);
  const entry = join(dir, 'node_modules', 'pm2', 'package.json');
  if (existsSync(entry)) return dir;
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'package.json'), '{"private":true}');
  await promisify(execFile)(
    'npm',
    ['install', '--no-audit', '--no-fund', '--omit=dev', `pm2@${VERSION}`],
    { cwd: dir, timeout: 120_000 },
  );
  return dir;
}

/** PM2 with its daemon up and connected, programmed directly: no time of its command line is counted. */
export async function openPm2(dir: string, home: string, witnesses: Witnesses): Promise<Side> {
  process.env['PM2_HOME'] = home;
  const pm2 = createRequire(join(dir, 'package.json'))('pm2') as Pm2;
  const ask = (call: (done: (error?: Error) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      call((error) => (error ? reject(error) : resolve()));
    });
  await ask((done) => pm2.connect(false, done));
  const apps = Array.from({ length: witnesses.count }, (_, index) => {
    const [interpreter = '', script = '', ...args] = witnesses.argv(index);
    return { name: `w${index}`, script, interpreter, args, merge_logs: true, autorestart: true };
  });
  const pids = new Map<string, number>();
  let accepted: Promise<void> = Promise.resolve();

  async function readPids(): Promise<void> {
    await ask((done) =>
      pm2.list((error, list) => {
        for (const { name, pid } of list) pids.set(name, pid);
        done(error ?? undefined);
      }),
    );
  }

  return {
    async startAll() {
      const written = witnesses.nextOfAll();
      const started = ask((done) => pm2.start(apps, done));
      await written;
      accepted = started;
    },
    async findPids() {
      await accepted;
      await readPids();
    },
    async killOne(index) {
      const written = witnesses.next(index);
      const fromMs = performance.now();
      process.kill(pids.get(`w${index}`) ?? NaN, 'SIGKILL');
      await written;
      return performance.now() - fromMs;
    },
    async stop() {
      await ask((done) => pm2.killDaemon(done));
      pm2.disconnect();
    },
  };
}
