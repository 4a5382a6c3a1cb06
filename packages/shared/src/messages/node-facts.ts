import { z } from 'zod';
import { Labels } from '../fleet/agent-spec.ts';
import { MeshId, Revision, Term } from '../ids.ts';

/** Something a node's machine can or cannot do; a spec that asks for more is refused, not weakened. */
export const Capability = z.enum([
  'containment-traced',
  'containment-cgroup',
  'switch-user',
  'python3',
  'gpu',
]);

/** `hello.about` of a node: what it is and what it last obeyed. */
export const NodeFacts = z.object({
  host: z.string(),
  platform: z.string(),
  arch: z.string(),
  cpus: z.int().positive(),
  memoryBytes: z.number().positive(),
  /** Where other nodes reach this node's agents. */
  address: z.string(),
  labels: Labels,
  capabilities: z.array(Capability),
  /** New at each boot of the machine. */
  bootId: z.string(),
  /** What the node has on disk: the last assignment it accepted and the highest term it ever saw. */
  mesh: MeshId.optional(),
  highestTerm: Term,
  revision: Revision,
});
export type NodeFacts = z.infer<typeof NodeFacts>;
