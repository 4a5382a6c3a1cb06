import type { ErrorRow } from '@meshwork/shared';

import { toCode, toNotice, toTable } from './markdown.ts';

/** Every code, in the order of the table. */
export function renderErrors(table: Readonly<Record<string, ErrorRow>>): string {
  return [
    toNotice('packages/shared/src/errors/table.ts'),
    '# Errors',
    '',
    'Every failure that can leave a process has one of these codes: in an answer of the HTTP API, in',
    'what `mesh` prints, in the log field `code`. A code is never renamed or reused. *Try again*: the',
    'same request may succeed later, unchanged.',
    '',
    ...toTable(
      ['Code', 'HTTP', 'Exit code', 'Try again', 'When, and what to do'],
      Object.entries(table).map(([code, row]) => [
        toCode(code),
        String(row.http),
        String(row.exit),
        row.retryable ? 'yes' : 'no',
        row.doc,
      ]),
    ),
    '',
  ].join('\n');
}
