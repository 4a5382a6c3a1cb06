import { execFile } from 'node:child_process';
import { readFile, statfs } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { promisify } from 'node:util';
import { describePortHolder, findPortHolder, locateRedis } from '@meshwork/platform';
import { formatBytes } from '@meshwork/shared';
import { finding, type Finding } from './finding.ts';

const run = promisify(execFile);

/** Descriptors a worker node with a full house of agents needs. */
const wantedDescriptors = 4096;

/** Free disk under which the store refuses changes. */
const wantedFreeBytes = 256 * 1024 ** 2;

/** What this PC has and lacks, mesh or no mesh. */
export async function checkMachine(at: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly dir: string;
}): Promise<Finding[]> {
  return Promise.all([
    checkSystem(),
    checkNode(),
    checkRedis(at.env),
    checkPython(at.env),
    checkDisk(at.dir),
    checkDescriptors(),
    checkOpenRedis(),
  ]);
}

async function checkSystem(): Promise<Finding> {
  const isFull =
    process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64');
  const what = `${process.platform} ${process.arch}`;
  return finding(
    'system',
    process.platform === 'linux' || process.platform === 'darwin',
    isFull ? what : `${what}: to try it; Linux x64 and arm64 are supported in full`,
  );
}

async function checkNode(): Promise<Finding> {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isEnough = major > 22 || (major === 22 && minor >= 18);
  return finding(
    'node',
    isEnough,
    isEnough ? process.version : `${process.version} cannot run TypeScript; 22.18 or newer can`,
  );
}

async function checkRedis(env: Readonly<Record<string, string | undefined>>): Promise<Finding> {
  const signal = AbortSignal.timeout(10_000);
  try {
    const { version, command } = await locateRedis({
      env,
      mayFetch: false,
      onProgress: () => {},
      signal,
    });
    return finding('redis', true, `${version} (${command})`);
  } catch {
    return finding(
      'redis',
      true,
      'not installed; mesh up fetches it (Debian, Ubuntu), or: apt-get install redis-server',
    );
  }
}

async function checkPython(env: Readonly<Record<string, string | undefined>>): Promise<Finding> {
  try {
    const { stdout } = await run('python3', ['--version'], {
      timeout: 5000,
      env: { PATH: env['PATH'] },
    });
    return finding('python3', true, `${stdout.trim()} (for agents written in it)`);
  } catch {
    return finding(
      'python3',
      true,
      'not installed; only agents written in it need it: apt-get install python3',
    );
  }
}

async function checkDisk(dir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(dir);
  const free = bavail * bsize;
  const isEnough = free >= wantedFreeBytes;
  const remedy = isEnough
    ? ''
    : `: changes are refused below ${formatBytes(wantedFreeBytes)}; free some space`;
  return finding('disk', isEnough, `${formatBytes(free)} free for ${dir}${remedy}`);
}

/**
 * Whether a daemon started from here may open what a full house of agents needs. `limits`: `/proc/self/limits`, read here
 * unless given.
 */
export async function checkDescriptors(limits?: string): Promise<Finding> {
  limits ??= await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const [, soft = '', hard = ''] = /^Max open files +(\S+) +(\S+)/m.exec(limits) ?? [];
  if (soft === '') return finding('open files', true, 'the limit is not known on this system');
  // Node raises the soft limit to the hard one at its start.
  const isEnough = hard === 'unlimited' || Number(hard) >= wantedDescriptors;
  return finding(
    'open files',
    isEnough,
    isEnough
      ? `${hard} at most`
      : `only ${hard} at most; ulimit -n ${wantedDescriptors} before mesh up`,
  );
}

/** A Redis open on its usual port without a password is anybody's; ours never listens there. */
async function checkOpenRedis(): Promise<Finding> {
  const answer = await ask(6379, 'PING\r\n');
  if (answer === undefined || !answer.startsWith('+PONG'))
    return finding('port 6379', true, 'no open Redis there');
  const who = describePortHolder(await findPortHolder(6379));
  return finding(
    'port 6379',
    false,
    `${who} answers without a password; it is not the mesh's: set requirepass, or stop it`,
  );
}

function ask(port: number, text: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1', timeout: 1000 });
    const end = (answer: string | undefined): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => socket.write(text));
    socket.once('data', (chunk) => end(chunk.toString('latin1')));
    socket.once('timeout', () => end(undefined));
    socket.once('error', () => end(undefined));
  });
}
