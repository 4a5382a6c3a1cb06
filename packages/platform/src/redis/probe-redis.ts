import { createConnection } from 'node:net';

/** What a Redis answers to PING on its socket: `ready`, `loading` its data, or `away` (no answer within `timeoutMs`). */
export type RedisHealth = 'ready' | 'loading' | 'away';

/** Asks a Redis on a Unix socket once how it is; never rejects. */
export function probeRedis(socketPath: string, timeoutMs: number): Promise<RedisHealth> {
  return new Promise((resolve) => {
    const socket = createConnection({ path: socketPath, timeout: timeoutMs });
    let answer = '';
    const end = (health: RedisHealth): void => {
      socket.destroy();
      resolve(health);
    };
    socket
      .once('connect', () => socket.write('PING\r\n'))
      .once('timeout', () => end('away'))
      .once('error', () => end('away'))
      .once('close', () => end('away'))
      .on('data', (chunk: Buffer) => {
        answer += chunk.toString('latin1');
        if (!answer.includes('\n')) return;
        end(
          answer.startsWith('+PONG') ? 'ready' : answer.startsWith('-LOADING') ? 'loading' : 'away',
        );
      });
  });
}
