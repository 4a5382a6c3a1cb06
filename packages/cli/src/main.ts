/*
 * Compiled code is kept between calls: without it, every call strips the types of every file again, which costs more than most
 * commands do. So nothing else may be imported before the cache is on.
 */
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const caches = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
process.env['NODE_COMPILE_CACHE'] ??= join(caches, 'meshwork', 'compiled');
enableCompileCache(process.env['NODE_COMPILE_CACHE']);

const { runProcess } = await import('./cli-main.ts');
await runProcess();
