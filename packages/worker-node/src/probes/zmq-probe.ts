import { createReqSocket, type Exchange } from '../calls/req-socket.ts';
import { noAnswer, type ProbeAnswer, type ProbeAsk } from './ask.ts';

/** Asks a program that answers ZeroMQ REQ. The connection is kept while answers come. */
export function createZmqProbe(options: {
  readonly port: number;
  readonly send: string | Readonly<Record<string, unknown>>;
  /** The answer must contain this text. */
  readonly expect?: string | undefined;
}): ProbeAsk {
  const text = typeof options.send === 'string' ? options.send : JSON.stringify(options.send);
  let socket = createReqSocket({ port: options.port });
  return {
    async ask({ timeoutMs, signal }) {
      const current = socket;
      const cancel = (): void => current.close();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        return toAnswer(await current.exchange(text, { timeoutMs }), options.expect, timeoutMs);
      } finally {
        signal.removeEventListener('abort', cancel);
        if (signal.aborted) socket = createReqSocket({ port: options.port });
      }
    },
    close() {
      socket.close();
    },
  };
}

function toAnswer(exchange: Exchange, expect: string | undefined, timeoutMs: number): ProbeAnswer {
  switch (exchange.status) {
    case 'answered': {
      const reply = exchange.frames.map((frame) => frame.toString('utf8')).join(' ');
      if (expect === undefined || reply.includes(expect)) return { ok: true, detail: reply };
      return { ok: false, detail: `the answer does not contain "${expect}": ${reply}` };
    }
    case 'refused':
      return { ok: false, detail: exchange.reason };
    case 'expired':
      return { ok: false, detail: 'the port is open but does not speak ZeroMQ' };
    case 'unknown':
      return noAnswer(timeoutMs);
    default:
      return exchange satisfies never;
  }
}
