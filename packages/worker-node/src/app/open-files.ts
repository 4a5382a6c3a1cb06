import { join } from 'node:path';
import { createStateFile, type StateFile } from '@meshwork/platform';
import { NodePeers, type Clock, type Logger } from '@meshwork/shared';
import { LinkHostState } from '../link/create-agent-link-host.ts';
import { openRecordStore, type OwnedRecordStore } from '../machine/record-store.ts';
import {
  createDesiredStore,
  DesiredDocument,
  type DesiredStore,
} from '../services/desired-store.ts';
import { NodeStateDocument, openNodeState, type NodeState } from '../services/node-state.ts';

/** What a node keeps in its data folder. */
export interface NodeFiles {
  readonly state: NodeState;
  readonly desired: DesiredStore;
  readonly records: OwnedRecordStore;
  readonly runs: string;
  readonly links: StateFile<LinkHostState>;
  readonly join: string;
  logs(instance: string): string;
}

/** Opens the files of a node's data folder; raises its incarnation. Only under the folder's lock. */
export async function openNodeFiles(
  dir: string,
  options: { readonly maxAgeMs: number; readonly clock: Clock; readonly logger: Logger },
): Promise<NodeFiles> {
  const file = (name: string): string => join(dir, name);
  const state = await openNodeState(
    createStateFile({
      path: file('node.json'),
      format: 'mesh-node',
      version: 1,
      schema: NodeStateDocument,
    }),
  );
  const desired = createStateFile({
    path: file('assignment.json'),
    format: 'mesh-assignment',
    version: 1,
    schema: DesiredDocument,
  });
  const peers = createStateFile({
    path: file('peers.json'),
    format: 'mesh-peers',
    version: 1,
    schema: NodePeers.body,
  });
  const links = createStateFile({
    path: file('links.json'),
    format: 'mesh-agent-links',
    version: 1,
    schema: LinkHostState,
  });
  const { maxAgeMs, clock, logger } = options;
  const { highestTerm } = state;
  return {
    state,
    desired: createDesiredStore({ desired, peers }, { maxAgeMs, highestTerm }, clock),
    records: openRecordStore(file('instances.log'), logger),
    runs: file('runs'),
    links,
    join: file('join.json'),
    logs: (instance) => join(dir, 'logs', instance),
  };
}
