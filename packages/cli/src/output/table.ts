const ansi = /\u001B\[[0-9;]*m/g;

/** One column: its title and the cell of a row. */
export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  readonly cell: (row: Row) => string;
}

/**
 * Lays rows out in aligned columns under upper-case titles, two spaces apart, no trailing blanks.
 *
 * Colour codes do not count as width. No rows give only the titles.
 */
export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) => columns.map((column) => column.cell(row)));
  const titles = columns.map((column) => column.title.toUpperCase());
  const widths = titles.map((title, index) =>
    Math.max(visibleWidth(title), ...cells.map((line) => visibleWidth(line[index] ?? ''))),
  );
  const lines = [titles, ...cells].map((line) =>
    line
      .map((text, index) => pad(text, widths[index] ?? 0, columns[index]?.align ?? 'left'))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

function visibleWidth(text: string): number {
  return text.replaceAll(ansi, '').length;
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const blanks = ' '.repeat(Math.max(0, width - visibleWidth(text)));
  return align === 'left' ? text + blanks : blanks + text;
}
