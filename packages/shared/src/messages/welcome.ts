import { z } from 'zod';
import { MeshId, PublicKey, Term } from '../ids.ts';
import { defineMessage, type MessageOf } from './define-message.ts';

/** Answer to a good `hello`; a bad one is answered with an error. */
export const Welcome = defineMessage(
  'welcome',
  1,
  z.object({
    mesh: MeshId,
    term: Term,
    /** The version both sides use from here on. */
    protocol: z.int().nonnegative(),
    /** Stands in every later frame of this connection: what lacks it was not sent by who said hello. */
    session: z.string().regex(/^[\w-]{1,64}$/),
    /** This incarnation was called dead: the node raises its own and says hello again. */
    calledDead: z.boolean(),
    /** Where the mesh can be reached from now on. */
    addresses: z.array(z.string().max(256)).max(64).optional(),
    /** The key that the main node will take next; a node keeps both until it sees the new one. */
    nextServerKey: PublicKey.optional(),
  }),
);
export type Welcome = MessageOf<typeof Welcome>;

/** What the main node says in a welcome; the hub adds what belongs to the connection. */
export type WelcomeOffer = Omit<Welcome, 'protocol' | 'session'>;
