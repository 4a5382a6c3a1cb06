import { z } from 'zod';
import {
  AgentName,
  Epoch,
  FleetName,
  Incarnation,
  InstanceId,
  MeshId,
  Revision,
  Term,
} from '../ids.ts';
import { defineMessage, type MessageOf } from './define-message.ts';

/** States of an instance; `docs/lifecycles/instance.md` has the diagram. */
export const InstanceState = z.enum([
  'waiting',
  'starting',
  'running',
  'ready',
  'stopping',
  'stopped',
  'ended',
  'crashed',
  'crash-loop',
  'unclaimed',
  'unknown',
]);
export type InstanceState = z.infer<typeof InstanceState>;

/** One ground for believing a status, and how old it is. */
export const Evidence = z.object({
  ok: z.boolean(),
  ageMs: z.number().nonnegative(),
  detail: z.string().optional(),
});
export type Evidence = z.infer<typeof Evidence>;

/** How the last run of an instance ended and how that is known. */
export const LastExit = z.object({
  code: z.int().optional(),
  signal: z.string().optional(),
  /** Says how sure it is: `shim` waited for it, `gone` means it was missing when we looked. */
  evidence: z.string(),
  /** Wall-clock milliseconds. */
  atMs: z.number(),
});
export type LastExit = z.infer<typeof LastExit>;

/** What a node knows of one instance. Ages count from the moment of the report. */
export const InstanceReport = z.object({
  instance: InstanceId,
  agent: AgentName,
  fleet: FleetName,
  epoch: Epoch,
  nonce: z.int().nonnegative(),
  state: InstanceState,
  /** Time in this state, ms. */
  stateAgeMs: z.number().nonnegative(),
  /** Why it is in this state, in words: what it waits for, why it crashed, when it is tried again. */
  reason: z.string().optional(),
  pid: z.int().positive().optional(),
  startedAtMs: z.number().optional(),
  /** Runs since the instance was placed, less one; `crashes` of them ended badly. */
  restarts: z.int().nonnegative(),
  crashes: z.int().nonnegative(),
  /** Bound ports by name. */
  ports: z.record(z.string(), z.int()),
  evidence: z.object({
    process: Evidence.optional(),
    protocol: Evidence.optional(),
    progress: Evidence.optional(),
  }),
  containment: z.enum(['traced', 'cgroup', 'pid-namespace']).optional(),
  lastExit: LastExit.optional(),
  /** Last lines of output of an instance that is not well. */
  lastLines: z.array(z.string()).max(20).optional(),
  /** Calls under way, for picking the least loaded. */
  callsInFlight: z.int().nonnegative(),
  hasSdk: z.boolean(),
});
export type InstanceReport = z.infer<typeof InstanceReport>;

/** Node -> main node, latest wins: the node's complete live state, at each welcome and each change. */
export const NodeReport = defineMessage(
  'node.report',
  1,
  z.object({
    incarnation: Incarnation,
    digest: z.string(),
    /** The assignment that the node works towards. */
    mesh: MeshId.optional(),
    term: Term,
    revision: Revision,
    instances: z.array(InstanceReport).max(10_000),
  }),
);
export type NodeReport = MessageOf<typeof NodeReport>;
