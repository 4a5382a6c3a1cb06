/** Where a command writes. `isInteractive` decides colour and moving progress. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  readonly isInteractive: boolean;
  readonly columns: number;
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** Wraps text in a terminal style; gives it back unchanged where nobody looks. */
export function paint(terminal: Terminal, style: keyof typeof codes, text: string): string {
  return terminal.isInteractive ? `\u001B[${codes[style]}m${text}\u001B[0m` : text;
}
