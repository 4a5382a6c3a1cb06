import { join } from 'node:path';
import { MeshError } from '@meshwork/shared';
import { z } from 'zod';
import { createStateFile } from '../base/state-file.ts';
import { describePortHolder, findPortHolder } from './port-holder.ts';

/** Which port is wanted, and how much. */
export interface PortWish {
  /** What listens there, e.g. `http`; unique in the data folder. */
  readonly name: string;
  /** 0: any free one. */
  readonly port: number;
  /** Somebody asked for exactly this port: no other will do. */
  readonly wasSet: boolean;
}

/** Ports tried after a default that is taken. */
const MAX_TRIES = 100;

const KeptPorts = z.record(z.string(), z.int());

/**
 * Binds by the port policy: a port that was set is taken or refused with the holder's pid; of a default the next free one is
 * taken and kept in the data folder, so that the next start has the same.
 *
 * `bind` resolves with the port it got, and rejects with EADDRINUSE when it is taken. Throws MESH_PORT_TAKEN.
 */
export async function bindPort(
  dir: string,
  wish: PortWish,
  bind: (port: number) => Promise<number>,
): Promise<number> {
  if (wish.wasSet || wish.port === 0) {
    return bind(wish.port).catch(async (error: unknown) => {
      throw isTaken(error) ? await portTaken(wish, error) : error;
    });
  }
  const file = createStateFile({
    path: join(dir, 'ports.json'),
    format: 'mesh-ports',
    version: 1,
    schema: KeptPorts,
  });
  // What cannot be read is only a memory of ports; it is written anew.
  const kept = (await file.read().catch(() => undefined)) ?? {};
  const candidates = new Set([
    kept[wish.name] ?? wish.port,
    ...Array.from({ length: MAX_TRIES }, (_, n) => wish.port + n),
  ]);
  let taken: unknown;
  for (const port of candidates) {
    try {
      const bound = await bind(port);
      if (bound !== (kept[wish.name] ?? wish.port))
        await file.write({ ...kept, [wish.name]: bound });
      return bound;
    } catch (error) {
      if (!isTaken(error)) throw error;
      taken = error;
    }
  }
  throw await portTaken(wish, taken);
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';
}

async function portTaken({ name, port, wasSet }: PortWish, cause: unknown): Promise<MeshError> {
  const holder = await findPortHolder(port);
  const range = wasSet ? `port ${port}` : `any of the ports ${port} to ${port + MAX_TRIES - 1}`;
  return new MeshError(
    'MESH_PORT_TAKEN',
    `cannot listen on ${range} for ${name}: ${port} is held by ${describePortHolder(holder)}; end it or set another port`,
    {
      details: { name, port, ...(holder && { pid: holder.pid, command: holder.command }) },
      cause,
    },
  );
}
