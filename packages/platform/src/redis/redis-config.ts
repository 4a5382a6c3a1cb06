/** What the embedded Redis may use, and where it lives. */
export interface RedisConfig {
  /** Folder of its data. */
  readonly dir: string;
  /** Its only door. At most 107 bytes: the kernel takes no longer path. */
  readonly socketPath: string;
  readonly maxMemoryBytes: number;
}

/** Longest path of a Unix socket, in bytes, without the closing zero. */
export const MAX_SOCKET_PATH_BYTES = 107;

/** More than every daemon and tool of one mesh needs; each costs a descriptor. */
const MAX_CLIENTS = 1_000;

/** Text of the redis.conf that keeps the store's promise: nothing acknowledged is lost, nothing is thrown away, nobody else gets in. */
export function renderRedisConfig({ dir, socketPath, maxMemoryBytes }: RedisConfig): string {
  const lines: readonly (readonly [string, string | number])[] = [
    // Reached through its socket only, by its own user only.
    ['port', 0],
    ['unixsocket', quote(socketPath)],
    ['unixsocketperm', 700],
    ['dir', quote(dir)],
    // Every acknowledged write is on the disk; a torn last one (it was not acknowledged) is cut off at the start.
    ['appendonly', 'yes'],
    ['appendfsync', 'always'],
    ['aof-load-truncated', 'yes'],
    ['aof-use-rdb-preamble', 'yes'],
    ['auto-aof-rewrite-percentage', 100],
    ['auto-aof-rewrite-min-size', '16mb'],
    ['no-appendfsync-on-rewrite', 'no'],
    // The AOF holds all; snapshots beside it would only cost.
    ['save', '""'],
    ['maxmemory', maxMemoryBytes],
    ['maxmemory-policy', 'noeviction'],
    ['maxclients', MAX_CLIENTS],
    ['client-output-buffer-limit', 'normal 128mb 64mb 60'],
    ['databases', 1],
    // In the foreground, under whoever started it; its words go where its owner puts them.
    ['daemonize', 'no'],
    ['logfile', '""'],
    ['loglevel', 'notice'],
    ['always-show-logo', 'no'],
    ['shutdown-timeout', 5],
  ];
  return `${lines.map(([name, value]) => `${name} ${value}`).join('\n')}\n`;
}

/** As redis.conf quotes a text. */
function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}
