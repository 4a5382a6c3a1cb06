import assert from 'node:assert/strict';
import type { Hub } from '@meshwork/shared';

/**
 * Stands for the hub while it is looking for its port: services are made before a free one is known, and each try is another hub.
 */
export interface HubSlot extends Pick<
  Hub,
  'send' | 'sendLatest' | 'request' | 'admit' | 'setTerm' | 'isBound' | 'listen'
> {
  fill(hub: Hub): void;
  /** Undefined while it is not bound. */
  readonly port: number | undefined;
}

/** An empty slot. Using it before it is filled is a bug. */
export function createHubSlot(): HubSlot {
  let hub: Hub | undefined;
  const current = (): Hub => {
    assert(hub !== undefined, 'the hub is bound before it is used');
    return hub;
  };
  return {
    fill(bound) {
      hub = bound;
    },
    get port() {
      return hub?.port;
    },
    send: (to, kind, body, options) => current().send(to, kind, body, options),
    sendLatest: (to, kind, body, options) => current().sendLatest(to, kind, body, options),
    request: (to, kind, body, options) => current().request(to, kind, body, options),
    // A hub is made with the keys and the term of its moment.
    admit: async (keys) => hub?.admit(keys),
    setTerm: (term) => hub?.setTerm(term),
    isBound: (name, role) => hub?.isBound(name, role) ?? false,
    listen: (hosts) => current().listen(hosts),
  };
}
