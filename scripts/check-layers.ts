/** `pnpm layers`: reads the whole tree and prints every break of the layers in `layers.ts`. */
import { existsSync, globSync, readFileSync } from 'node:fs';

import type { PackageManifest, SourceFile } from './layers.ts';
import { findLayerBreaks } from './layers.ts';

const SOURCES = [
  'packages/*/{src,test}/**/*.ts',
  'test/**/*.ts',
  'bench/**/*.ts',
  'scripts/**/*.ts',
  'examples/**/*.ts',
];

const files = globSync(SOURCES, { exclude: ['**/node_modules/**', '**/fixtures/**'] }).map(
  (path): SourceFile => ({ path, text: readFileSync(path, 'utf8') }),
);
const breaks = findLayerBreaks(readManifests(), files);
for (const line of breaks) console.error(line);
console.log(`${files.length} files, ${breaks.length} breaks of the layers`);
process.exitCode = breaks.length === 0 ? 0 : 1;

function readManifests(): readonly PackageManifest[] {
  return globSync('packages/*')
    .map((folder) => `${folder}/package.json`)
    .filter((path) => existsSync(path))
    .map((path) => {
      const manifest = JSON.parse(readFileSync(path, 'utf8')) as {
        dependencies?: Record<string, string>;
        exports?: Record<string, unknown>;
      };
      return {
        folder: path.split('/')[1] ?? '',
        dependencies: Object.keys(manifest.dependencies ?? {}),
        exports: Object.keys(manifest.exports ?? {}),
      };
    });
}
