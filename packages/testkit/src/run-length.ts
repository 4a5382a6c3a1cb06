/**
 * Picks how long, or how often, something is tried: `short` in `pnpm test`, `long` in
 * `pnpm test:long` (`MESHWORK_LONG=1`), which runs everything at full length.
 */
export function pickForRun<T>(choice: { readonly short: T; readonly long: T }): T {
  return process.env['MESHWORK_LONG'] === '1' ? choice.long : choice.short;
}
