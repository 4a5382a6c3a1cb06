/** An installed package and the licence its package.json states. */
export interface LicensedPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, or undefined where there is none. */
  readonly license: string | undefined;
}

/**
 * Licences of what may be linked into, and shipped with, Apache-2.0 software.
 *
 * MPL-2.0 binds only its own files, which are used unchanged (zeromq.js carries libzmq so).
 */
const COMPATIBLE: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'MPL-2.0',
  'Python-2.0',
  'Unlicense',
  'Zlib',
]);

/** Lists the packages whose licence does not go with Apache-2.0, one line each. */
export function findLicenseProblems(packages: readonly LicensedPackage[]): readonly string[] {
  return packages
    .filter(({ license }) => license === undefined || !isCompatible(license))
    .map(({ name, version, license }) => `${name}@${version}: ${license ?? 'states no licence'}`);
}

/** Understands `A`, `A OR B`, `A AND B` and one level of parentheses; what it does not, it refuses. */
export function isCompatible(expression: string): boolean {
  const flat = expression.replaceAll(/\(([^()]*)\)/g, (_, inner: string) =>
    isCompatible(inner) ? 'MIT' : 'refused',
  );
  return flat
    .split(/\s+OR\s+/)
    .some((choice) => choice.split(/\s+AND\s+/).every((one) => COMPATIBLE.has(one.trim())));
}
