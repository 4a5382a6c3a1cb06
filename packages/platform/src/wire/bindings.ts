import type { NodeName, Peer, PeerRole } from '@meshwork/shared';
import type { Connection } from './connection.ts';

/** A peer bound to a connection by a good hello. */
export interface Binding extends Connection {
  readonly peer: Peer;
  /** The routing id as map key. */
  readonly key: string;
  readonly routingId: Uint8Array;
  readonly sessionId: string;
}

/** Who is bound: by routing id for what arrives, by name and role for what is sent. */
export interface Bindings {
  /** Binds, and returns those bindings that end by it: of the same name and role, or of the same routing id. */
  add(binding: Binding): readonly Binding[];
  remove(binding: Binding): boolean;
  byKey(key: string): Binding | undefined;
  byName(name: NodeName, role: PeerRole): Binding | undefined;
  all(): Iterable<Binding>;
  readonly size: number;
}

/** Nobody bound. */
export function createBindings(): Bindings {
  const byKey = new Map<string, Binding>();
  const byName = new Map<string, Binding>();
  const nameKey = (name: string, role: string): string => `${role} ${name}`;

  function remove(binding: Binding): boolean {
    const { peer, key } = binding;
    if (byKey.get(key) !== binding) return false;
    byKey.delete(key);
    byName.delete(nameKey(peer.name, peer.role));
    return true;
  }

  return {
    add(binding) {
      const { peer, key } = binding;
      const ended = new Set<Binding>();
      for (const older of [byKey.get(key), byName.get(nameKey(peer.name, peer.role))]) {
        if (older !== undefined && remove(older)) ended.add(older);
      }
      byKey.set(key, binding);
      byName.set(nameKey(peer.name, peer.role), binding);
      return [...ended];
    },
    remove,
    byKey: (key) => byKey.get(key),
    byName: (name, role) => byName.get(nameKey(name, role)),
    all: () => byKey.values(),
    get size() {
      return byKey.size;
    },
  };
}
