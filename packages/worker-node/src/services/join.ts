import { readFile } from 'node:fs/promises';
import {
  MeshError,
  MeshId,
  PublicKey,
  type Clock,
  type Component,
  type Logger,
} from '@meshwork/shared';
import { z } from 'zod';

/** `join.json`: where the main node is, and how to know it. Written by `mesh up` and `mesh join`. */
export const Join = z.object({
  /** `HOST:PORT`, tried in turn. */
  addresses: z.array(z.string().min(3)).min(1),
  serverKey: PublicKey,
  mesh: MeshId.optional(),
});
export type Join = z.infer<typeof Join>;

/** Reads `join.json`. Throws MESH_CONFIG_INVALID when the node was never joined, or the file is damaged. */
export async function readJoin(path: string): Promise<Join> {
  const refused = (reason: string, cause?: unknown): MeshError =>
    new MeshError('MESH_CONFIG_INVALID', `cannot use ${path}: ${reason}`, {
      details: { path, reason },
      cause,
    });
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw refused('it cannot be read; "mesh join" makes it', error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refused('it is not JSON; "mesh join" makes it anew', error);
  }
  const join = Join.safeParse(value);
  if (!join.success) throw refused(z.prettifyError(join.error));
  return join.data;
}

/** What following `join.json` needs. */
export interface JoinFollowerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly path: string;
  isBound(): boolean;
  onAddresses(addresses: readonly string[]): void;
}

/** A main node that came back elsewhere is looked for this often. */
const LOOK_EVERY_MS = 1_000;

/** While the main node is away, follows what others write into `join.json` of where it is now. */
export function createJoinFollower(deps: JoinFollowerDeps, first: Join): Component {
  const stopping = new AbortController();
  let known = first.addresses.join();
  let following: Promise<void> = Promise.resolve();

  async function follow(): Promise<void> {
    for await (const _ of deps.clock.ticks(LOOK_EVERY_MS, stopping.signal)) {
      if (deps.isBound()) continue;
      const join = await readJoin(deps.path).catch(() => undefined);
      if (join === undefined || join.addresses.join() === known) continue;
      known = join.addresses.join();
      deps.logger.info({ addresses: join.addresses }, 'main node is looked for elsewhere');
      deps.onAddresses(join.addresses);
    }
  }

  return {
    name: 'join-follower',
    async start() {
      following = follow();
    },
    async stop() {
      stopping.abort();
      await following;
    },
  };
}
