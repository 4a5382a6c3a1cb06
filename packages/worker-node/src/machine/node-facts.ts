import { accessSync, constants, existsSync } from 'node:fs';
import { cpus, hostname, totalmem } from 'node:os';
import { join } from 'node:path';
import type { NodeFacts } from '@meshwork/shared';

/** What does not change while the daemon lives. */
export type MachineFacts = Pick<
  NodeFacts,
  'host' | 'platform' | 'arch' | 'cpus' | 'memoryBytes' | 'capabilities'
>;

/** Looks at this machine: what it is, and what a node on it can do. */
export function readMachineFacts(path: string): MachineFacts {
  const capabilities: NodeFacts['capabilities'] = ['containment-traced'];
  if (process.geteuid?.() === 0) capabilities.push('switch-user');
  if (isOnPath('python3', path)) capabilities.push('python3');
  if (existsSync('/dev/nvidiactl') || existsSync('/dev/kfd')) capabilities.push('gpu');
  return {
    host: hostname(),
    platform: process.platform,
    arch: process.arch,
    cpus: Math.max(1, cpus().length),
    memoryBytes: totalmem(),
    capabilities,
  };
}

function isOnPath(program: string, path: string): boolean {
  return path.split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
