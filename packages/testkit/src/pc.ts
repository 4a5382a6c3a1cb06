import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { until } from './until.ts';

const run = promisify(execFile);

/** A computer of a test: Linux namespaces of its own, held by one process that ends with the test's. */
export interface Pc {
  readonly name: string;
  /** A process inside, by its pid outside: namespaces are named by it. */
  readonly holder: number;
  /** The command line that runs `argv` inside. */
  command(argv: readonly string[]): readonly [string, ...string[]];
  /** Runs a command inside and answers what it printed; throws when it fails. */
  run(...argv: readonly string[]): Promise<string>;
  /** Ends every process inside at one moment, as a power cut does; only where it has processes of its own. */
  cutPower(): Promise<void>;
}

/** What a computer has of its own besides its network. */
export interface PcOptions {
  readonly name: string;
  /** Processes of its own: pids count from 1 again, and it boots with this boot id. */
  readonly bootIdFile?: string;
}

/** Starts a computer. Needs root; see `itNeeds(['netns'])`. */
export async function startPc(options: PcOptions): Promise<Pc> {
  const { name, bootIdFile } = options;
  const hasProcesses = bootIdFile !== undefined;
  const namespaces = hasProcesses
    ? ['--net', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child']
    : ['--net'];
  // As the init of its own processes it must reap them: what ignores SIGCHLD does so by itself.
  const boot = [
    ...(hasProcesses ? [`mount --bind '${bootIdFile}' /proc/sys/kernel/random/boot_id`] : []),
    'ip link set lo up',
    `trap '' CHLD`,
    'echo up',
    'exec cat',
  ].join(' && ');
  const child = spawn('unshare', [...namespaces, 'sh', '-c', boot]);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await untilItSays('up', child);
  const holder = hasProcesses ? await onlyChildOf(child) : pidOf(child);
  const entered = hasProcesses ? ['--net', '--mount', '--pid'] : ['--net'];

  const command = (argv: readonly string[]): readonly [string, ...string[]] => [
    'nsenter',
    '--target',
    String(holder),
    ...entered,
    ...argv,
  ];
  return {
    name,
    holder,
    command,
    async run(...argv) {
      const [program, ...args] = command(argv);
      return (await run(program, args)).stdout;
    },
    async cutPower() {
      if (hasProcesses) process.kill(holder, 'SIGKILL');
      else child.stdin.end();
      await ended;
    },
  };
}

/** Writes a boot id as the kernel would give one out. */
export async function writeBootId(path: string, bootId: string): Promise<void> {
  await writeFile(path, `${bootId}\n`);
}

/** Resolves when a child printed `word`; rejects when it ends instead. */
export async function untilItSays(word: string, child: ChildProcess): Promise<void> {
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  await until(`it says "${word}"`, () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${said}`);
    return said.includes(word);
  });
}

async function onlyChildOf(parent: ChildProcess): Promise<number> {
  const pid = pidOf(parent);
  return until('its first process is there', async () => {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.trim() === '' ? undefined : Number(text.trim());
  });
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('it did not start');
  return child.pid;
}
