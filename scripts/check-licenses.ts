/** `pnpm licenses`: every production dependency, also of dependencies, must go with Apache-2.0. */
import { globSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import type { LicensedPackage } from './licenses.ts';
import { findLicenseProblems } from './licenses.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string | { readonly type?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Packages of ours that are never shipped. */
const DEV_ONLY: ReadonlySet<string> = new Set(['packages/testkit']);

const packages = collect(globSync('packages/*').filter((folder) => !DEV_ONLY.has(folder)));
const problems = findLicenseProblems(packages);
for (const problem of problems) console.error(`does not go with Apache-2.0: ${problem}`);
console.log(`${packages.length} production dependencies, ${problems.length} licence problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

/** Walks from our packages along `dependencies`, as installed. */
function collect(folders: readonly string[]): readonly LicensedPackage[] {
  const waiting = folders.map((folder) => realpathSync(folder));
  const found = new Map<string, LicensedPackage>();
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const manifest = readManifest(folder);
    if (!manifest.name.startsWith('@meshwork/')) {
      if (found.has(folder)) continue;
      const license =
        typeof manifest.license === 'string' ? manifest.license : manifest.license?.type;
      found.set(folder, { name: manifest.name, version: manifest.version, license });
    }
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      waiting.push(findInstalled(folder, name) ?? fail(`${manifest.name}: ${name} is missing`));
    }
    for (const name of Object.keys(manifest.optionalDependencies ?? {})) {
      const other = findInstalled(folder, name);
      if (other !== undefined) waiting.push(other);
    }
  }
  return [...found.values()];
}

/** The folder of `name` as `folder` would resolve it; workspace packages are followed the same way. */
function findInstalled(folder: string, name: string): string | undefined {
  const places = createRequire(join(folder, 'package.json')).resolve.paths(name) ?? [];
  for (const place of places) {
    try {
      return dirname(realpathSync(join(place, name, 'package.json')));
    } catch {
      continue;
    }
  }
  return undefined;
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

function fail(message: string): never {
  throw new Error(message);
}
