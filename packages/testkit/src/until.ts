import { setTimeout as delay } from 'node:timers/promises';

/** How often a condition is looked at that nothing announces. */
const LOOK_EVERY_MS = 5;

/**
 * Waits until `look` gives something else than undefined or false, and answers it.
 *
 * For conditions that no event announces: files and processes of others. Fails after `withinMs` (default 5 s), naming `what`.
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: { readonly withinMs?: number } = {},
): Promise<T> {
  const withinMs = options.withinMs ?? 5_000;
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() >= deadlineMs) throw new Error(`Not within ${withinMs} ms: ${what}.`);
    await delay(LOOK_EVERY_MS);
  }
}
