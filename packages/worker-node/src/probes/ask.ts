/** What an instance said to one probe; how long it took is the prober's to measure. */
export interface ProbeAnswer {
  readonly ok: boolean;
  /** What was answered, or why nothing was, in words for people. */
  readonly detail?: string;
}

/** One way of asking one instance. Asked once at a time. */
export interface ProbeAsk {
  /** Ends by `timeoutMs` or when `signal` aborts; never rejects. */
  ask(options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<ProbeAnswer>;
  /** Releases what was kept between two probes. */
  close(): void;
}

/** Words for a probe that got nothing in time. */
export function noAnswer(timeoutMs: number): ProbeAnswer {
  return { ok: false, detail: `no answer within ${Math.round(timeoutMs)} ms` };
}
