import type { Health } from '@meshwork/shared';
import type { InstanceTarget } from '../services/ports.ts';
import type { ProbeAsk } from './ask.ts';
import { createHttpProbe } from './http-probe.ts';
import { createLinkProbe, type LinkPing } from './link-probe.ts';
import { createTcpProbe } from './tcp-probe.ts';
import { createZmqProbe } from './zmq-probe.ts';

/**
 * Makes the way of asking an instance that its `health` declares.
 *
 * Sockets open when it is asked. A port that the instance does not hold answers `ok: false`, each time.
 */
export function openAsk(host: LinkPing, target: InstanceTarget, health: Health): ProbeAsk {
  const { http, tcp, zmq } = health;
  const name = (http ?? tcp ?? zmq)?.port;
  if (name === undefined) return createLinkProbe(host, target.instance);
  const port = target.ports[name];
  if (port === undefined) return createLostProbe(`no port "${name}" is bound`);
  if (http !== undefined) return createHttpProbe({ port, path: http.path });
  if (zmq !== undefined) return createZmqProbe({ port, send: zmq.send, expect: zmq.expect });
  return createTcpProbe({ port });
}

function createLostProbe(detail: string): ProbeAsk {
  return { ask: () => Promise.resolve({ ok: false, detail }), close() {} };
}
