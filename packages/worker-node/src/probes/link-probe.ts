import type { InstanceId } from '@meshwork/shared';
import type { ProbeAnswer, ProbeAsk } from './ask.ts';

/** What a probe over the agent link asks of its host. */
export interface LinkPing {
  /** Whether the agent is connected, said that it is ready, and answers `ping` from its loop; never rejects. */
  ping(
    instance: InstanceId,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<ProbeAnswer>;
}

/** Asks an agent with SDK over its link. */
export function createLinkProbe(host: LinkPing, instance: InstanceId): ProbeAsk {
  return {
    ask: (options) => host.ping(instance, options),
    close() {},
  };
}
