import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One machine of the test: a network namespace on a cable of its own. */
export interface Host {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  /** Pulls the cable: nothing arrives any more, in either direction, and nobody is told. */
  cut(): Promise<void>;
  /** Puts the cable back. */
  heal(): Promise<void>;
}

/** Machines on one switch; this one, where the main node runs, has `address` on it. */
export interface Hosts {
  readonly address: string;
  readonly hosts: readonly Host[];
  remove(): Promise<void>;
}

/** Makes `count` machines. Needs root. Everything has names with `tag` in them, and goes away with `remove`. */
export async function makeHosts(tag: string, count: number): Promise<Hosts> {
  const subnet = `10.213.${process.pid % 250}`;
  const bridge = `mwb${tag}`;
  const undo: (readonly string[])[] = [];

  async function ip(...args: readonly string[]): Promise<void> {
    await run('ip', args);
  }

  async function remove(): Promise<void> {
    // What is gone already is what we want.
    for (const args of undo.splice(0).toReversed()) await ip(...args).catch(() => {});
  }

  async function makeHost(n: number): Promise<Host> {
    const namespace = `mw-${tag}-${n}`;
    const [outer, inner] = [`mwo${tag}${n}`, `mwi${tag}${n}`];
    const address = `${subnet}.${10 + n}`;
    await ip('netns', 'add', namespace);
    undo.push(['netns', 'del', namespace]);
    await ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner);
    undo.push(['link', 'del', outer]);
    await ip('link', 'set', inner, 'netns', namespace);
    await ip('link', 'set', outer, 'master', bridge, 'up');
    await ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', inner);
    await ip('-n', namespace, 'link', 'set', inner, 'up');
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
    return {
      name: `pc${n + 1}`,
      namespace,
      address,
      // Off the switch, not down: a cable end that goes down would tell the kernel of the machine.
      cut: () => ip('link', 'set', outer, 'nomaster'),
      heal: () => ip('link', 'set', outer, 'master', bridge),
    };
  }

  try {
    // An address of its own: else it has that of one of its ports, and this machine would go on taking in what arrives there.
    const mac = [
      'address',
      `02:${randomBytes(5)
        .toString('hex')
        .replace(/..(?!$)/g, '$&:')}`,
    ];
    await ip('link', 'add', bridge, ...mac, 'type', 'bridge', 'forward_delay', '0');
    undo.push(['link', 'del', bridge]);
    await ip('addr', 'add', `${subnet}.1/24`, 'dev', bridge);
    await ip('link', 'set', bridge, 'up');
    const hosts: Host[] = [];
    for (let n = 0; n < count; n += 1) hosts.push(await makeHost(n));
    return { address: `${subnet}.1`, hosts, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The command line that runs a program on that machine. */
export function on(host: Host, command: readonly string[]): readonly string[] {
  return ['ip', 'netns', 'exec', host.namespace, ...command];
}
