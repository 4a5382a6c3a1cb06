/*
 * Compiled code is kept between starts, also for the heartbeat thread: without it, each start strips the types of every file
 * again, which costs half of its time and 30 MB per thread. So nothing else may be imported before the cache is on.
 */
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const caches = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
process.env['NODE_COMPILE_CACHE'] ??= join(caches, 'meshwork', 'compiled');
enableCompileCache(process.env['NODE_COMPILE_CACHE']);

const { runDaemon } = await import('./daemon-main.ts');
await runDaemon();
