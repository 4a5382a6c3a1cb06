import { z } from 'zod';
import { GroupName, NodeName } from '../ids.ts';
import { Duration } from '../quantities.ts';

/** Name of a port of an agent, as `${port.NAME}` uses it. */
export const PortName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'a port name is a-z, then a-z 0-9 -');

const LabelKey = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/, 'a label key is letters, digits and ._/-');
const LabelValue = z.string().max(63);

/** `k=v` pairs on nodes and agents. */
export const Labels = z.record(LabelKey, LabelValue);
export type Labels = z.infer<typeof Labels>;

/** A declared TCP port: a fixed number, or `auto` for a free one that the instance keeps over restarts. */
export const PortClaim = z.union([z.int().min(1).max(65_535), z.literal('auto')]);
export type PortClaim = z.infer<typeof PortClaim>;

const probeTiming = {
  interval: Duration.prefault('5s'),
  timeout: Duration.prefault('2s'),
  /** How long an instance may take to become ready; only its dependants wait for it. */
  startPeriod: Duration.prefault('30s'),
  /** Failures in a row that end `ready`. */
  failures: z.int().min(1).max(100).default(3),
};

/** One kind of probe per agent: what a caller does, and how often. */
export const Health = z
  .strictObject({
    http: z
      .strictObject({ port: PortName, path: z.string().startsWith('/').default('/health') })
      .optional(),
    tcp: z.strictObject({ port: PortName }).optional(),
    zmq: z
      .strictObject({
        port: PortName,
        /** Sent as one frame: this string, or this object as JSON. */
        send: z.union([z.string(), z.record(z.string(), z.unknown())]).default('ping'),
        /** The reply must contain this text. */
        expect: z.string().optional(),
      })
      .optional(),
    link: z.strictObject({}).optional(),
    ...probeTiming,
  })
  .refine(
    (health) =>
      [health.http, health.tcp, health.zmq, health.link].filter((probe) => probe !== undefined)
        .length === 1,
    {
      message: 'declare exactly one of http, tcp, zmq, link',
    },
  );
export type Health = z.infer<typeof Health>;

/** When a run that ended is started again. */
export const RestartPolicy = z.strictObject({
  policy: z.enum(['never', 'on-failure', 'always']).default('on-failure'),
  /** Crashes within `window` that make a crash loop. */
  maxRestarts: z.int().min(1).max(1000).default(5),
  window: Duration.prefault('5m'),
  backoff: z
    .strictObject({ initial: Duration.prefault('0s'), max: Duration.prefault('60s') })
    .prefault({}),
});
export type RestartPolicy = z.infer<typeof RestartPolicy>;

const signals = [
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGKILL',
] as const;

/** How an instance is asked to end, and how long it may take before its tree is killed. */
export const StopPolicy = z.strictObject({
  signal: z.enum(signals).default('SIGTERM'),
  grace: Duration.prefault('10s'),
});
export type StopPolicy = z.infer<typeof StopPolicy>;

/** How an agent without SDK is called: REQ `{action, ...}`, or `POST /ACTION`. The value names a port. */
export const Calls = z.union([
  z.strictObject({ zmq: PortName }),
  z.strictObject({ http: PortName }),
]);
export type Calls = z.infer<typeof Calls>;

/** Environment names an agent may set; `MESH_` is the mesh's own. */
const EnvName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'an environment name is letters, digits and _')
  .refine((name) => !name.startsWith('MESH_'), 'names that begin with MESH_ are set by the mesh');

/** One agent of a fleet file. Durations leave as milliseconds. */
export const AgentSpec = z.strictObject({
  command: z.array(z.string().min(1)).min(1),
  cwd: z.string().min(1).optional(),
  user: z.string().min(1).optional(),
  envFile: z.string().min(1).optional(),
  env: z
    .record(EnvName, z.union([z.string(), z.number(), z.boolean()]).transform(String))
    .default({}),
  start: z
    .strictObject({ group: GroupName.optional(), dependsOn: z.array(z.string()).default([]) })
    .prefault({}),
  placement: z
    .strictObject({ node: NodeName.optional(), labels: Labels.optional() })
    .refine(
      (placement) => placement.node === undefined || placement.labels === undefined,
      'name a node or labels, not both',
    )
    .prefault({}),
  replicas: z.int().min(1).max(100).default(1),
  ports: z.record(PortName, PortClaim).default({}),
  health: Health.optional(),
  restart: RestartPolicy.prefault({}),
  stop: StopPolicy.prefault({}),
  calls: Calls.optional(),
  labels: Labels.default({}),
});
export type AgentSpec = z.infer<typeof AgentSpec>;

/** Fields that DESIGN names and this release refuses by name. */
export const unsupportedFields: ReadonlySet<string> = new Set([
  'exclusive',
  'lease',
  'onNodeLost',
  'sandbox',
  'resources',
  'runtime',
  'jobs',
  'files',
  'health.exec',
  'health.log',
]);
