import { MeshError, type NodeName, type PublicKey } from '@meshwork/shared';

/** A key that waits for a person. */
export interface PendingKey {
  readonly node: NodeName;
  readonly publicKey: PublicKey;
  readonly fingerprint: string;
  readonly address?: string | undefined;
}

/** Keys without a token, waiting to be accepted or sent away. In memory only: who still waits knocks again. */
export interface WaitingKeys {
  list(): readonly PendingKey[];
  /** Takes a key in; false when it waits already. Throws MESH_JOIN_REFUSED for one that was sent away, MESH_BUSY at the bound. */
  add(key: PendingKey): boolean;
  /**
   * The key that waits under a name. Where the fingerprint is given it must fit; without one, exactly one key must wait.
   *
   * Throws MESH_NODE_UNKNOWN with the fingerprints that do wait.
   */
  find(name: string, fingerprint: string | undefined): PendingKey;
  remove(key: PublicKey): void;
  /** Sends a key away: who goes on asking is refused, until `forgive`. */
  reject(key: PublicKey): void;
  /** Keys that were sent away may ask again. */
  forgive(): void;
  clear(): void;
}

/** Keys sent away that are remembered; past that the oldest may ask again. */
const maxRejected = 1_024;

/** An empty waiting room for `max` keys. */
export function createWaitingKeys(max: number): WaitingKeys {
  const waiting = new Map<PublicKey, PendingKey>();
  const rejected = new Set<PublicKey>();
  return {
    list: () => [...waiting.values()],
    add(key) {
      if (rejected.has(key.publicKey)) {
        throw new MeshError(
          'MESH_JOIN_REFUSED',
          `the key ${key.fingerprint} of ${key.node} was sent away by a person on the Main PC`,
          { details: { node: key.node, fingerprint: key.fingerprint } },
        );
      }
      if (waiting.has(key.publicKey)) return false;
      if (waiting.size >= max)
        throw new MeshError('MESH_BUSY', `${max} keys wait already; try again later`);
      waiting.set(key.publicKey, key);
      return true;
    },
    find(name, fingerprint) {
      const ofName = [...waiting.values()].filter(({ node }) => node === name);
      const meant = ofName.filter(
        (key) => fingerprint === undefined || toPlain(key.fingerprint) === toPlain(fingerprint),
      );
      const [one] = meant;
      if (one !== undefined && meant.length === 1) return one;
      const seen = ofName.map((key) => key.fingerprint);
      const reason =
        seen.length === 0
          ? 'no key waits under that name'
          : `the keys that wait under it are ${seen.join('; ')}`;
      throw new MeshError('MESH_NODE_UNKNOWN', `cannot decide about ${name}: ${reason}`, {
        details: { node: name, waiting: seen },
      });
    },
    remove: (key) => void waiting.delete(key),
    reject(key) {
      waiting.delete(key);
      const [oldest] = rejected;
      if (rejected.size >= maxRejected && oldest !== undefined) rejected.delete(oldest);
      rejected.add(key);
    },
    forgive: () => rejected.clear(),
    clear: () => waiting.clear(),
  };
}

/** People copy fingerprints with other separators, or none. */
function toPlain(text: string): string {
  return text.toLowerCase().replaceAll(/[^0-9a-f]/g, '');
}
