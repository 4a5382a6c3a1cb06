import { knock } from '../calls/knock.ts';
import { noAnswer, type ProbeAsk } from './ask.ts';

/** Asks whether something accepts connections on a port. */
export function createTcpProbe(options: { readonly port: number }): ProbeAsk {
  return {
    async ask({ timeoutMs, signal }) {
      const knocked = await knock({ port: options.port, timeoutMs, signal });
      switch (knocked.status) {
        case 'open':
          knocked.socket.on('error', () => {});
          knocked.socket.destroy();
          return { ok: true };
        case 'refused':
          return { ok: false, detail: knocked.reason };
        case 'timeout':
        case 'canceled':
          return noAnswer(timeoutMs);
        default:
          return knocked satisfies never;
      }
    },
    close() {},
  };
}
