import { z } from 'zod';
import { Labels } from '../fleet/agent-spec.ts';
import { NodeName } from '../ids.ts';
import { ByteSize, Duration } from '../quantities.ts';

/** Config of a worker node; `config/worker-node.yaml` holds the shipped defaults. Durations leave as ms, sizes as bytes. */
export const WorkerNodeConfig = z.strictObject({
  node: NodeName.optional().describe('Name of this node; absent: the host’s name.'),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error'])
        .default('info')
        .describe('Least severity that is logged.'),
    })
    .prefault({}),
  http: z
    .strictObject({
      host: z
        .string()
        .default('127.0.0.1')
        .describe('Address of the node’s own health and metrics.'),
      port: z
        .int()
        .min(0)
        .max(65_535)
        .default(8090)
        .describe('Port of the node’s own health and metrics.'),
    })
    .prefault({}),
  address: z
    .string()
    .optional()
    .describe('Where other nodes reach this node’s agents; absent: the address it dials from.'),
  labels: Labels.default({}).describe('Labels that placement can ask for.'),
  vars: z
    .record(z.string(), z.string())
    .default({})
    .describe('Values of `${node.var.NAME}` in fleet files.'),
  agents: z
    .strictObject({
      startConcurrency: z.int().min(1).default(16).describe('Programs started at the same time.'),
      portRange: z
        .tuple([z.int(), z.int()])
        .default([20_000, 29_999])
        .describe('Where `auto` ports come from.'),
      assignmentMaxAge: Duration.prefault('7d').describe(
        'An older assignment starts nothing while the main node is away.',
      ),
    })
    .prefault({}),
  logs: z
    .strictObject({
      segment: ByteSize.prefault('1MiB').describe('Size of one piece of an agent’s output.'),
      segments: z.int().min(2).default(8).describe('Pieces kept per instance.'),
    })
    .prefault({}),
});
export type WorkerNodeConfig = z.infer<typeof WorkerNodeConfig>;
