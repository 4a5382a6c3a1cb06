/** The values of one log line: `node`, `agent`, `code`, `durationMs`, `err`, ... */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Structured log. The message is a constant sentence and the values are fields, so that lines can be counted and searched.
 *
 * error = a person must act; warn = degraded, heals itself; info = state changes; debug = per message.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A logger that puts `fields` on every line. */
  child(fields: LogFields): Logger;
}
