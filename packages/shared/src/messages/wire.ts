import { z } from 'zod';
import { defineMessage } from './define-message.ts';

/** Hub -> peer: keeps a quiet connection proven, both ways; also the answer to each heartbeat. */
export const WirePing = defineMessage('wire.ping', 1, z.object({}));

/** Either way: the answer of a request that has none of its own, because it failed. */
export const WireError = defineMessage(
  'wire.error',
  1,
  z.object({
    code: z.string().min(1).max(64),
    message: z.string().max(65_536),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
);
