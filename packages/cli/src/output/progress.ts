import { paint, type Terminal } from './terminal.ts';

/** Says what goes on: one moving line where somebody looks, a line per change elsewhere. */
export interface Progress {
  /** What is being done now; replaces what was shown. */
  show(text: string): void;
  /** What is done; stays. */
  done(text: string): void;
  /** Something that happened beside; stays. */
  note(text: string): void;
}

/** Progress on standard error, so that standard output stays clean for results. */
export function createProgress(terminal: Terminal): Progress {
  let shown = '';
  const clear = (): void => {
    if (terminal.isInteractive && shown !== '') terminal.err('\r\u001B[2K');
  };
  const print = (mark: string, text: string): void => {
    clear();
    terminal.err(`${mark} ${text}\n`);
    shown = '';
  };
  return {
    show(text) {
      if (text === shown) return;
      if (terminal.isInteractive) {
        clear();
        terminal.err(`${paint(terminal, 'cyan', '...')} ${text.slice(0, terminal.columns - 5)}`);
      } else terminal.err(`... ${text}\n`);
      shown = text;
    },
    done: (text) => print(paint(terminal, 'green', 'ok '), text),
    note: (text) => print(paint(terminal, 'yellow', '-- '), text),
  };
}
