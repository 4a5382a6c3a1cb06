import { setTimeout as delay } from 'node:timers/promises';
import { Router } from 'zeromq';
import { encodeZ85 } from '@meshwork/shared';
import { errorCode } from './zmq-options.ts';
import { receiveAll } from './zmq-receive.ts';

type Admits = (publicKey: string, remote: string) => boolean;

/** Answers who may connect to which bound socket. */
export interface Authenticator {
  /**
   * Opens a domain: from now on its sockets admit the keys for which `admits` says so. Resolves to the domain's
   * name, which no other has.
   */
  open(domain: string, admits: Admits): Promise<string>;
  close(domain: string): void;
}

const ADDRESS = 'inproc://zeromq.zap.01';

/** An authenticator that was just closed holds its address for a moment. */
const OPEN_TRIES = 100;
const OPEN_EVERY_MS = 5;

/**
 * Answers the ZAP requests (RFC 27) of this process: a CURVE key of an open domain is admitted when that domain says
 * so, everything else is refused.
 *
 * It listens while any domain is open, and before the socket of that domain is bound: libzmq admits everybody where
 * nobody listens. A request does not say which socket it is for but by the domain, so each gets a name of its own;
 * nor does it say the peer's routing id (its identity field is the server's own), so this admits keys, not names.
 */
export function createAuthenticator(): Authenticator {
  const domains = new Map<string, Admits>();
  let socket: Router | undefined;
  let opening: Promise<void> | undefined;
  let opened = 0;

  async function listen(): Promise<void> {
    for (let tries = OPEN_TRIES; ; tries -= 1) {
      const router = new Router({ linger: 0, sendTimeout: 0 });
      try {
        router.bindSync(ADDRESS);
        socket = router;
        // Ends with the socket; a receive that fails while it is open is a bug and must surface.
        void receiveAll(router, (message) => answer(router, message));
        return;
      } catch (error) {
        router.close();
        if (errorCode(error) !== 'EADDRINUSE' || tries === 0) throw error;
        await delay(OPEN_EVERY_MS);
      }
    }
  }

  function answer(router: Router, message: readonly Buffer[]): void {
    const bodyAt = message.findIndex((frame) => frame.length === 0) + 1;
    const [version, requestId, domain, remote, , mechanism, key] = message.slice(bodyAt);
    if (version === undefined || requestId === undefined) return;
    const admits = domains.get(domain?.toString() ?? '');
    const isAdmitted =
      admits !== undefined &&
      mechanism?.toString() === 'CURVE' &&
      key?.length === 32 &&
      admits(encodeZ85(key), remote?.toString() ?? '');
    const [status, text] = isAdmitted ? ['200', 'OK'] : ['400', 'key not admitted'];
    // Cannot be full: libzmq waits for this answer on a pipe of its own. A handshake that is gone needs none.
    router
      .send([...message.slice(0, bodyAt), version, requestId, status, text, '', ''])
      .catch(() => {});
  }

  return {
    async open(domain, admits) {
      const name = `${domain}.${(opened += 1)}`;
      domains.set(name, admits);
      if (socket === undefined) {
        opening ??= listen().finally(() => (opening = undefined));
        try {
          await opening;
        } catch (error) {
          domains.delete(name);
          throw error;
        }
      }
      return name;
    },
    close(domain) {
      domains.delete(domain);
      if (domains.size > 0) return;
      socket?.close();
      socket = undefined;
    },
  };
}
