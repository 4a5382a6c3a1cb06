import { startPc, type Pc } from './pc.ts';

/** Two computers with a cable between them. */
export interface NetWorld {
  readonly main: Pc & { readonly address: string };
  readonly far: Pc & { readonly address: string };
  /** From now on nothing arrives: at either end, or at one only. What is under way is lost. */
  cut(at?: 'both' | 'main' | 'far'): Promise<void>;
  /** Everything arrives again. */
  heal(): Promise<void>;
  /** Ends both computers' networks; what still runs there loses its cable. */
  stop(): Promise<void>;
}

const device = 'mesh0';
const addresses = { main: '10.77.0.1', far: '10.77.0.2' };

/**
 * Starts two computers, each a network namespace of its own, and lays a cable.
 *
 * A cut drops what comes in (not what goes out: the sender's own kernel would notice that), so both sides see silence and nothing
 * else. The machine's own network is not touched.
 */
export async function startNetWorld(): Promise<NetWorld> {
  const [main, far] = await Promise.all([startPc({ name: 'main' }), startPc({ name: 'far' })]);
  const cable = ['link', 'add', device, 'type', 'veth', 'peer', 'name', device];
  await main.run('ip', ...cable, 'netns', String(far.holder));
  await Promise.all(
    [
      { pc: main, address: addresses.main },
      { pc: far, address: addresses.far },
    ].map(async ({ pc, address }) => {
      await pc.run('ip', 'address', 'add', `${address}/24`, 'dev', device);
      await pc.run('ip', 'link', 'set', device, 'up');
    }),
  );
  const drop = (pc: Pc): Promise<string> =>
    pc.run('iptables', '-w', '-A', 'INPUT', '-i', device, '-j', 'DROP');
  return {
    main: { ...main, address: addresses.main },
    far: { ...far, address: addresses.far },
    async cut(at = 'both') {
      await Promise.all([
        ...(at === 'far' ? [] : [drop(main)]),
        ...(at === 'main' ? [] : [drop(far)]),
      ]);
    },
    async heal() {
      await Promise.all([main, far].map((pc) => pc.run('iptables', '-w', '-F', 'INPUT')));
    },
    async stop() {
      await Promise.all([main.cutPower(), far.cutPower()]);
    },
  };
}
