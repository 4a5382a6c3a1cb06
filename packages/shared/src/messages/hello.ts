import { z } from 'zod';
import { Incarnation, NodeName, PublicKey } from '../ids.ts';
import { defineMessage, type MessageOf } from './define-message.ts';

/** What a connection is for: a node, the heartbeats of a node, a bridge. */
export const PeerRole = z.enum(['node', 'heartbeat', 'bridge']);
export type PeerRole = z.infer<typeof PeerRole>;

/**
 * First message of a connection, and again after `hello?` or with a new incarnation. Everything before it is dropped.
 *
 * `proof` shows that the sender holds the secret of `publicKey` and says all this itself, over this routing id.
 */
export const Hello = defineMessage(
  'hello',
  1,
  z.object({
    node: NodeName,
    role: PeerRole,
    incarnation: Incarnation,
    publicKey: PublicKey,
    /** HMAC-SHA256, hex; see docs/protocol.md. */
    proof: z.string().regex(/^[0-9a-f]{64}$/),
    protocol: z.object({ min: z.int().nonnegative(), max: z.int().nonnegative() }),
    release: z.string().max(64),
    /** Facts of the role's own: `NodeFacts` for a node. */
    about: z.unknown(),
  }),
);
export type Hello = MessageOf<typeof Hello>;

/** Hub -> peer: I do not know this connection, say hello. */
export const HelloWanted = defineMessage('hello?', 1, z.object({}));
