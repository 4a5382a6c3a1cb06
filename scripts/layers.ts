/**
 * The layers: `shared` <- everything; `platform` <- daemons and cli; no daemon imports another;
 * inside a daemon `core` <- `services` <- `app.ts` <- `main.ts`.
 */
import { posix } from 'node:path';

/** One source file as the layer rules see it. */
export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** The part of a package.json that the layer rules read. */
export interface PackageManifest {
  /** The folder under `packages/`. */
  readonly folder: string;
  readonly dependencies: readonly string[];
  readonly exports: readonly string[];
}

/** One `import` or `export ... from` of a file. */
export interface Import {
  readonly target: string;
  /** Names that exist at run time; `*` for all of a module, nothing when only types are taken. */
  readonly values: readonly string[];
}

/** What each package may depend on, beside itself; a package that is not listed may not exist. */
const MAY_USE: ReadonlyMap<string, readonly string[]> = new Map([
  ['shared', []],
  ['platform', ['shared']],
  ['agent-sdk', ['shared']],
  ['main-node', ['shared', 'platform']],
  ['worker-node', ['shared', 'platform']],
  ['bridge', ['shared', 'platform']],
  ['cli', ['shared', 'platform']],
  ['testkit', ['shared', 'platform']],
]);

const DAEMONS: ReadonlySet<string> = new Set(['main-node', 'worker-node', 'bridge']);

/** Packages whose argv, environment, signals and exit code belong to `main.ts` alone. */
const HAS_MAIN: ReadonlySet<string> = new Set([...DAEMONS, 'cli']);

const PROCESS_STATE =
  /\bprocess\.(?:argv|env|exit|exitCode)\b|\bprocess\.(?:on|once|off)\(\s*['"`]SIG/g;

/** Entries beside the one that each package has, and who may use them (docs/adr/0030). */
const LIGHT_ENTRIES: ReadonlyMap<string, string> = new Map([
  ['@meshwork/platform/base', 'cli'],
  ['@meshwork/platform/uplink', 'worker-node'],
]);

const METRIC_MADE = /\.(?:counter|gauge|histogram)\(\s*\{/;

type Layer = 'core' | 'services' | 'app' | 'main';

/** Lists every break of the layers, one line each, with the file and the rule. */
export function findLayerBreaks(
  manifests: readonly PackageManifest[],
  files: readonly SourceFile[],
): readonly string[] {
  return [...manifests.flatMap(checkManifest), ...files.flatMap(checkFile)];
}

/** Finds the imports of a TypeScript file, those inside comments left out. */
export function findImports(text: string): readonly Import[] {
  const code = withoutComments(text);
  const statements =
    /(?:^|[;}\n])\s*(?:import|export)\s+(type\s+)?([^'"`;]*?)\bfrom\s*['"]([^'"]+)['"]/g;
  const others = /(?:^|[;}\n])\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;
  return [
    ...[...code.matchAll(statements)].map((match) => ({
      target: match[3] ?? '',
      values: match[1] === undefined ? findValues(match[2] ?? '') : [],
    })),
    ...[...code.matchAll(others)].map((match) => ({
      target: match[1] ?? match[2] ?? '',
      values: ['*'],
    })),
  ];
}

function checkManifest({ folder, dependencies, exports }: PackageManifest): readonly string[] {
  const path = `packages/${folder}/package.json`;
  const allowed = MAY_USE.get(folder);
  if (!allowed) return [`${path}: scripts/layers.ts does not say what this package may use`];
  const breaks = dependencies.flatMap((name) => {
    const other = toFolder(name);
    if (other !== undefined) {
      return allowed.includes(other) ? [] : [`${path}: ${folder} must not depend on ${other}`];
    }
    return folder === 'shared' && name !== 'zod'
      ? [`${path}: shared depends on zod only, not on ${name}`]
      : [];
  });
  const extra = exports.filter(
    (entry) => entry !== '.' && !LIGHT_ENTRIES.has(posix.join('@meshwork', folder, entry)),
  );
  return [
    ...breaks,
    ...extra.map((entry) => `${path}: a package has one entry, "${entry}" is another`),
  ];
}

function checkFile(file: SourceFile): readonly string[] {
  const [root, folder, area] = file.path.split('/');
  const imports = findImports(file.text);
  const isInPackage = root === 'packages' && folder !== undefined;
  const problems = imports.flatMap((one) => [
    ...checkReach(file.path, one, isInPackage ? `packages/${folder}` : root),
    ...(isInPackage ? checkPackageImport(folder, area, one) : checkOutsideImport(root, one)),
  ]);
  if (isInPackage && area === 'src') problems.push(...checkInside(file, folder, imports));
  return problems.map((problem) => `${file.path}: ${problem}`);
}

/** Relative imports stay inside; other packages are reached by name, through their one entry. */
function checkReach(path: string, { target }: Import, home: string | undefined): readonly string[] {
  if (target.startsWith('.')) {
    const resolved = posix.normalize(posix.join(posix.dirname(path), target));
    const isInside = home === undefined || resolved.startsWith(`${home}/`);
    return isInside || !resolved.startsWith('packages/')
      ? []
      : [`reaches into another package by path: ${target}`];
  }
  const isDeep = target.startsWith('@meshwork/') && target.split('/').length > 2;
  const user = LIGHT_ENTRIES.get(target);
  const mayUse = user !== undefined && home === `packages/${user}`;
  return isDeep && !mayUse ? [`deep import of another package: ${target}`] : [];
}

function checkPackageImport(
  folder: string,
  area: string | undefined,
  { target }: Import,
): readonly string[] {
  const other = toFolder(target);
  if (other === undefined || other === folder) return [];
  if (other === 'testkit')
    return area === 'src' ? ['testkit is for tests and benchmarks only'] : [];
  return MAY_USE.get(folder)?.includes(other) ? [] : [`${folder} must not import ${other}`];
}

/** `test/`, `bench/` and `scripts/` may use all packages; an example is what a user could write. */
function checkOutsideImport(root: string | undefined, { target }: Import): readonly string[] {
  const other = toFolder(target);
  if (other === undefined) return [];
  if (root === 'examples' && other !== 'agent-sdk') return ['an example uses only the agent SDK'];
  if (root === 'scripts' && other === 'testkit')
    return ['testkit is for tests and benchmarks only'];
  return [];
}

function checkInside(
  file: SourceFile,
  folder: string,
  imports: readonly Import[],
): readonly string[] {
  const inside = file.path.split('/').slice(3).join('/');
  const problems: string[] = [];
  if (HAS_MAIN.has(folder) && toLayer(inside) !== 'main') {
    const used = new Set(withoutComments(file.text).match(PROCESS_STATE));
    problems.push(...[...used].map((text) => `only main.ts touches ${text.split('(')[0]}`));
  }
  if (!DAEMONS.has(folder)) return problems;
  if (METRIC_MADE.test(file.text) && posix.basename(inside) !== 'metrics.ts') {
    problems.push('metrics are made in metrics.ts only, where docs/metrics.md finds them');
  }
  const layer = toLayer(inside);
  for (const one of imports) problems.push(...checkLayer(layer, inside, one));
  return problems;
}

function checkLayer(layer: Layer, inside: string, one: Import): readonly string[] {
  if (!one.target.startsWith('.')) {
    if (layer === 'core' && !['@meshwork/shared', 'zod'].includes(one.target)) {
      return [`a core imports only its own files, @meshwork/shared and zod, not ${one.target}`];
    }
    const isOnlyDeclared = one.values.every((name) => /^define[A-Z]/.test(name));
    return layer === 'services' && one.target === '@meshwork/platform' && !isOnlyDeclared
      ? ['only app.ts names adapters: from @meshwork/platform import types and define*']
      : [];
  }
  const other = toLayer(posix.normalize(posix.join(posix.dirname(inside), one.target)));
  const order: readonly Layer[] = ['core', 'services', 'app', 'main'];
  return order.indexOf(other) > order.indexOf(layer)
    ? [`core <- services <- app.ts <- main.ts: ${layer} must not import ${other} (${one.target})`]
    : [];
}

/**
 * The layer of a file, by its path under `src/`.
 *
 * `app/` holds what does not fit into `app.ts`; `NAME-main.ts` is the entry of a thread or of a
 * second process. What is in no layer's folder (`metrics.ts`, `config.ts`) counts as services.
 */
function toLayer(inside: string): Layer {
  if (inside.startsWith('core/')) return 'core';
  if (/(?:^|-)main\.ts$/.test(posix.basename(inside))) return 'main';
  if (inside === 'app.ts' || inside.startsWith('app/')) return 'app';
  return 'services';
}

function toFolder(packageName: string): string | undefined {
  return /^@meshwork\/([^/]+)/.exec(packageName)?.[1];
}

function findValues(clause: string): readonly string[] {
  const list = /^\{([^}]*)\}\s*$/.exec(clause.trim())?.[1];
  if (list === undefined) return ['*'];
  const names = list.split(',').map((name) => name.trim());
  return names.filter((name) => name !== '' && !name.startsWith('type '));
}

/** Good enough for import lists: a comment mark inside a string ends at most that one line. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1');
}
