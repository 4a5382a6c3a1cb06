import { z } from 'zod';
import { ByteSize, Duration } from '../quantities.ts';

const Port = z.int().min(0).max(65_535);

/** Config of the main node; `config/main-node.yaml` holds the shipped defaults. Durations leave as ms, sizes as bytes. */
export const MainNodeConfig = z.strictObject({
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
      host: z.string().default('127.0.0.1').describe('Address the HTTP API listens on.'),
      port: Port.default(8080).describe(
        'Port of the HTTP API; the next free one when the default is taken.',
      ),
    })
    .prefault({}),
  control: z
    .strictObject({
      host: z
        .string()
        .default('127.0.0.1')
        .describe('Address for nodes; opened wider by `mesh node invite`.'),
      port: Port.default(5550).describe('Port that worker nodes dial.'),
      peerQueue: z.int().min(16).default(4096).describe('Messages that may wait for one peer.'),
      peerQueueBytes: ByteSize.prefault('8MiB').describe('Bytes that may wait for one peer.'),
    })
    .prefault({}),
  enrolment: z
    .strictObject({
      port: Port.default(5551).describe('Port for joining; closed when nobody can join.'),
      maxPending: z.int().min(1).default(16).describe('Keys that may wait for a person.'),
    })
    .prefault({}),
  detection: z
    .strictObject({
      heartbeatInterval: Duration.prefault('500ms').describe(
        'How often a node tells that it lives.',
      ),
      suspectAfter: Duration.prefault('1s').describe('Silence after which a node is suspect.'),
      deadAfter: Duration.prefault('2s').describe('Silence after which a node is dead.'),
      rejoinGrace: Duration.prefault('15s').describe(
        'How long a node whose connection closed may be away before it is dead.',
      ),
      startGrace: Duration.prefault('15s').describe(
        'For so long after its own start the main node calls nobody dead it has not heard.',
      ),
      notActingAfter: Duration.prefault('5s').describe(
        'Stillness of a node’s loop after which it gets no new work.',
      ),
    })
    .prefault({}),
  redis: z
    .strictObject({
      url: z.string().optional().describe('External Redis; absent: the main node owns one.'),
      maxMemory: ByteSize.prefault('512MiB').describe('Memory of the embedded Redis.'),
      acceptLoss: z
        .array(z.string())
        .default([])
        .describe('Losses of an external Redis that are accepted by name, as `doctor` names them.'),
      minFree: ByteSize.prefault('256MiB').describe('Free disk below which changes are refused.'),
      ballast: ByteSize.prefault('16MiB').describe(
        'File freed when the disk is full, so that the store can write.',
      ),
    })
    .prefault({}),
  events: z
    .strictObject({ keep: z.int().min(100).default(100_000).describe('Events kept in the store.') })
    .prefault({}),
});
export type MainNodeConfig = z.infer<typeof MainNodeConfig>;
