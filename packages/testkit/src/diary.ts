import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../fixtures/diary.py', import.meta.url));

/** One line of a diary. Times are wall clock, ms. */
export interface DiaryLine {
  readonly what: 'start' | 'beat' | 'call';
  readonly atMs: number;
  readonly pid: number;
  /** Of a call. */
  readonly id?: string;
}

/**
 * An agent without SDK that writes down its starts, ten beats a second, and each call (`note {id}`) in `file`.
 *
 * `servesAfterMs`: how long after its start it can be called; it is ready then. Default 0.
 */
export function diaryAgent(
  file: string,
  options: { readonly servesAfterMs?: number } = {},
): Record<string, unknown> {
  return {
    command: ['python3', program, '${port.http}', file, String(options.servesAfterMs ?? 0)],
    ports: { http: 'auto' },
    health: { http: { port: 'http' }, interval: '500ms' },
    calls: { http: 'http' },
  };
}

/** What an agent wrote down so far; nothing where it never ran. */
export async function readDiary(file: string): Promise<readonly DiaryLine[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as DiaryLine);
}
