import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MAX_SOCKET_PATH_BYTES, renderRedisConfig } from '../../../src/redis/redis-config.ts';
import { toSocketPath } from '../../../src/redis/redis-socket.ts';

test('paths with quotes and spaces cannot add a line of their own', () => {
  const text = renderRedisConfig({ dir: '/a "b"\\c', socketPath: '/s', maxMemoryBytes: 1 });

  expect(text).toContain('dir "/a \\"b\\"\\\\c"\n');
});

test('the socket stands in the folder, or where the kernel can take its path', () => {
  const deep = join('/data', 'ä'.repeat(60));

  expect(toSocketPath('/data/redis', '/run')).toBe('/data/redis/redis.sock');
  expect(toSocketPath(deep, '/run')).toMatch(/^\/run\/meshwork-\d+-[0-9a-f]{16}\/redis\.sock$/);
  expect(toSocketPath(deep, '/run')).toBe(toSocketPath(deep, '/run'));
  expect(Buffer.byteLength(toSocketPath(deep, '/run'))).toBeLessThanOrEqual(MAX_SOCKET_PATH_BYTES);
});
