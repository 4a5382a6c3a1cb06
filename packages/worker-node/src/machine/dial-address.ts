import { createSocket } from 'node:dgram';

/**
 * The address of this machine that packets to `host` would leave from: where others most likely reach it.
 *
 * Asks the kernel's routing table; nothing is sent. Loopback when there is no way to `host`.
 */
export function findDialAddress(host: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const finish = (address: string): void => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => finish('127.0.0.1'));
    socket.connect(9, host, () => finish(socket.address().address));
  });
}

/** Splits `HOST:PORT` or `[V6]:PORT`; undefined for other text. */
export function parseHostPort(
  text: string,
): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  return host === undefined ? undefined : { host, port: Number(match?.[3]) };
}
