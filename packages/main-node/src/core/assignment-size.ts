import { MeshError, maxMessageBytes, type NodeName } from '@meshwork/shared';
import { instancesFor } from './assignments.ts';
import type { DesiredIndex } from './desired-index.ts';

/** Largest assignment of a node, bytes: what a message may hold, less what stands around it. */
const maxAssignmentBytes = maxMessageBytes - 16_384;
/** Instances in one assignment, as its schema says. */
const maxInstances = 10_000;

/** Throws MESH_TOO_LARGE when a node could not be sent what it should be: found before anything is changed. */
export function refuseTooLarge(index: DesiredIndex, nodes: Iterable<NodeName>): void {
  for (const node of nodes) {
    const instances = instancesFor(index, node, undefined);
    const bytes = new TextEncoder().encode(JSON.stringify(instances)).length;
    if (bytes <= maxAssignmentBytes && instances.length <= maxInstances) continue;
    throw new MeshError(
      'MESH_TOO_LARGE',
      `${node} would get ${instances.length} instances in ${bytes} bytes; a node can be told of ${maxInstances} in ${maxAssignmentBytes}. Place some of them elsewhere, or put long values into an envFile`,
      { details: { node, instances: instances.length, bytes } },
    );
  }
}
