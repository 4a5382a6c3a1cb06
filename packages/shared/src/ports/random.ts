/** Randomness, handed down so that a test can fix it. */
export interface Random {
  /** `count` bytes fit for keys, tokens and ids. */
  bytes(count: number): Uint8Array;
  /** A number in [0, 1), for jitter and choices. Not for secrets. */
  next(): number;
}
