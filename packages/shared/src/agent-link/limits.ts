/** Versions of the agent link's protocol that this release speaks. */
export const linkProtocol = { min: 1, max: 1 } as const;

/** Bounds of the agent link, the same at both ends; listed in `docs/limits.md`. */
export const linkLimits = {
  /** Encoded arguments of one call, bytes. */
  argsBytes: 262_144,
  /** Encoded answer of one call, bytes. */
  answerBytes: 1_048_576,
  /** One message: the largest answer and what stands around it, bytes. */
  messageBytes: 1_048_576 + 65_536,
  /** Calls that one instance works on at a time, and calls of its own that it waits for. */
  callsInFlight: 64,
  /** Actions that one agent may declare. */
  actions: 256,
  /** Text of a reason, a progress note or an error, characters. */
  textChars: 4096,
  /** What a call takes when its caller says nothing, ms. */
  defaultTimeoutMs: 5000,
  /** What a call may take at most, ms. */
  maxTimeoutMs: 3_600_000,
} as const;

/** Longest path of a Unix socket, bytes; a longer one cannot be bound (`sun_path`). */
export const maxSocketPathBytes = 107;
