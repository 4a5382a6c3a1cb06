/** How the two sides of the benchmark agree. */
export interface FanoutTarget {
  readonly port: number;
  readonly serverKey: string;
  /** Names and keys of all nodes. */
  readonly nodes: readonly {
    readonly name: string;
    readonly publicKey: string;
    readonly secretKey: string;
  }[];
}

/** What a main side is asked to do. */
export type FanoutAsk =
  | { readonly what: 'bound' }
  | { readonly what: 'call'; readonly times: number }
  | { readonly what: 'cpu'; readonly durationMs: number };

/** What a series of calls to all nodes took. */
export interface FanoutCalls {
  /** Time to the last answer, a call. */
  readonly tookMs: readonly number[];
  readonly asked: number;
  readonly answered: number;
}

/** Processor time of the main side, in cores, and what it heard meanwhile. */
export interface FanoutCpu {
  readonly cores: number;
  readonly heartbeats: number;
}

/** What a node sends each 500 ms. */
export const heartbeat = {
  incarnation: 1,
  sequence: 1,
  loopSilentMs: 3.5,
  loopLagMs: 1.25,
  load1: 0.75,
  memoryUsedRatio: 0.5,
  uptimeMs: 3_600_000,
  instancesDigest: '0123456789abcdef',
} as const;

/** How often a node sends it. */
export const HEARTBEAT_EVERY_MS = 500;

/** Measures this process's processor time, all its threads, for a while. */
export async function measureCores(durationMs: number): Promise<number> {
  const before = process.cpuUsage();
  const startMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1_000 / (performance.now() - startMs);
}
