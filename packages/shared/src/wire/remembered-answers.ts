/** The answer of a request, as it is sent again to who repeats the request. */
export interface RememberedAnswer {
  readonly kind: string;
  readonly bodyJson: string;
}

/** What is known of a request's id when one arrives. */
export type Recall =
  | { readonly status: 'new' }
  /** The first one still runs; its answer will do for this one too. */
  | { readonly status: 'running' }
  | { readonly status: 'answered'; readonly answer: RememberedAnswer }
  /** Too many ids are remembered to promise that this one will be. */
  | { readonly status: 'full' };

/** Bounds of what is remembered. */
export interface AnswerLimits {
  readonly maxAnswers: number;
  readonly maxBytes: number;
  /** How long after its deadline the answer of a request is kept. */
  readonly keepMs: number;
}

/** First answers by request id, so that a repeat does not act again. */
export interface RememberedAnswers {
  /** Asks for an id and, when it is new, notes that it runs from now on, until `deadlineMs` at least. */
  begin(id: string, nowMs: number, deadlineMs: number): Recall;
  /** The request of this id was answered. */
  settle(id: string, answer: RememberedAnswer): void;
  /** The request of this id did not run after all: a repeat is new again. */
  forget(id: string): void;
  readonly size: number;
}

interface Entry {
  readonly untilMs: number;
  answer: RememberedAnswer | undefined;
}

/** Longest time between two looks for answers that need not be kept any longer. */
const SWEEP_EVERY_MS = 1_000;

/**
 * Remembers answers until their deadline plus `keepMs`, within bounds. At a bound it refuses new ids rather than
 * forget one that it promised to remember. Time is the caller's, monotonic.
 */
export function createRememberedAnswers(limits: AnswerLimits): RememberedAnswers {
  const entries = new Map<string, Entry>();
  let bytes = 0;
  let sweptAtMs = Number.NEGATIVE_INFINITY;

  function drop(id: string, entry: Entry): void {
    entries.delete(id);
    bytes -= entry.answer?.bodyJson.length ?? 0;
  }

  function sweep(nowMs: number): void {
    if (nowMs - sweptAtMs < SWEEP_EVERY_MS) return;
    sweptAtMs = nowMs;
    for (const [id, entry] of entries) {
      if (entry.untilMs <= nowMs && entry.answer !== undefined) drop(id, entry);
    }
  }

  return {
    begin(id, nowMs, deadlineMs) {
      sweep(nowMs);
      const known = entries.get(id);
      if (known?.answer !== undefined) {
        if (known.untilMs > nowMs) return { status: 'answered', answer: known.answer };
        drop(id, known);
      } else if (known !== undefined) return { status: 'running' };
      if (entries.size >= limits.maxAnswers || bytes >= limits.maxBytes) return { status: 'full' };
      entries.set(id, { untilMs: deadlineMs + limits.keepMs, answer: undefined });
      return { status: 'new' };
    },
    settle(id, answer) {
      const entry = entries.get(id);
      if (entry === undefined || entry.answer !== undefined) return;
      entry.answer = answer;
      bytes += answer.bodyJson.length;
    },
    forget(id) {
      const entry = entries.get(id);
      if (entry !== undefined) drop(id, entry);
    },
    get size() {
      return entries.size;
    },
  };
}
