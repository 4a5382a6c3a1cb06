import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { runCli } from './run-cli.ts';

/** Runs the command line of this process and sets its exit code. */
export async function runProcess(): Promise<void> {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // The first asks to end cleanly; the second means now.
      if (stopping.signal.aborted) process.exit(130);
      stopping.abort(signal);
    });
  }
  // A reader that went away (`mesh events | head`) and a terminal that was closed are no failures: what follows ends, what
  // runs a mesh goes on until its signal comes.
  const unread = new AbortController();
  process.stdout.on('error', () => unread.abort());
  process.stderr.on('error', () => {});

  process.exitCode = await runCli(process.argv.slice(2), {
    cwd: process.cwd(),
    env: process.env,
    host: hostname(),
    terminal: {
      out: (chunk) => void process.stdout.write(chunk),
      err: (chunk) => void process.stderr.write(chunk),
      isInteractive: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
      columns: process.stdout.columns ?? 100,
    },
    signal: stopping.signal,
    unread: unread.signal,
    readStdin: () => text(process.stdin),
  });
}
