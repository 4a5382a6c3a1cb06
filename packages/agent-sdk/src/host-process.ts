/** The process that an agent lives in: its environment, the signals that end it, and its end. */
export interface HostProcess {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** Calls `listener` for each SIGTERM and SIGINT, which then no longer end the process by themselves. Returns what undoes it. */
  onEndSignal(listener: () => void): () => void;
  exit(code: number): void;
}

const endSignals = ['SIGTERM', 'SIGINT'] as const;

/** This very process; the only place of the SDK that touches it. */
export function createHostProcess(): HostProcess {
  return {
    env: process.env,
    pid: process.pid,
    onEndSignal(listener) {
      for (const signal of endSignals) process.on(signal, listener);
      return () => {
        for (const signal of endSignals) process.off(signal, listener);
      };
    },
    exit: (code) => process.exit(code),
  };
}
