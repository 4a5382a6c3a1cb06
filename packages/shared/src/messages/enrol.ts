import { z } from 'zod';
import { MeshId, NodeName, PublicKey } from '../ids.ts';
import { defineRequest } from './define-message.ts';

/**
 * A key asks to be let into the mesh, at the enrolment port.
 *
 * With a token it is let in at once; the same key may repeat it until the token expires. Without one it waits for a
 * person. `proof` shows that the sender holds the secret of `publicKey`; it covers this connection's routing id.
 */
export const Enrol = defineRequest('enrol', 1, {
  ask: z.object({
    node: NodeName,
    publicKey: PublicKey,
    /** HMAC-SHA256, hex; see docs/protocol.md. */
    proof: z.string().regex(/^[0-9a-f]{64}$/),
    token: z.object({ id: z.string().max(64), secret: z.string().max(128) }).optional(),
    release: z.string().max(64),
    /** What people see of the machine before they accept it. */
    facts: z.record(z.string().max(64), z.string().max(256)),
  }),
  answer: z.object({
    status: z.enum(['accepted', 'pending', 'refused']),
    mesh: MeshId.optional(),
    /** `HOST:PORT` of the control plane. */
    addresses: z.array(z.string().max(256)).max(64),
    code: z.string().max(64).optional(),
    message: z.string().max(4096).optional(),
  }),
});

/** What a key asks. */
export type EnrolAsk = z.infer<(typeof Enrol)['body']>;

/** What it is answered. */
export type EnrolAnswer = z.infer<(typeof Enrol)['answer']>;
