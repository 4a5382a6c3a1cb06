import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Installs a package to measure against, outside the workspace, once; resolves to the folder to require it from. */
export async function installPeer(spec: string): Promise<string> {
  const caches = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(caches, 'meshwork', 'bench', spec.replaceAll(/[^\w.-]/g, '_'));
  const name = spec.slice(0, spec.lastIndexOf('@'));
  if (existsSync(join(folder, 'node_modules', name, 'package.json'))) return folder;
  mkdirSync(folder, { recursive: true });
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--no-save', spec];
  await promisify(execFile)('npm', args, { timeout: 100_000 });
  return folder;
}
