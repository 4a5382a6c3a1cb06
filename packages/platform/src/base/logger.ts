import { pino, type DestinationStream } from 'pino';
import type { Logger } from '@meshwork/shared';
import { openLogFile } from './log-file.ts';

/** From most to least said. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** How a daemon logs. */
export interface LoggerOptions {
  /** Which daemon speaks; on every line. */
  readonly name: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** A bounded file at this path, or a stream of the caller's; default standard output. */
  readonly destination?: string | DestinationStream;
}

/** A logger and the file under it. */
export interface OwnedLogger extends Logger {
  /** Closes the log file, if it writes to one of its own; nothing may be logged after it. */
  close(): void;
}

const SECRET_FIELDS = [
  'token',
  'secret',
  'password',
  'authorization',
  'proof',
  'secretKey',
  'privateKey',
];

/** A logger that writes one JSON object a line, synchronously, with secret-looking fields (also one level down) redacted. */
export function createLogger(options: LoggerOptions): OwnedLogger {
  const { destination } = options;
  const file = typeof destination === 'string' ? openLogFile({ path: destination }) : undefined;
  const stream =
    typeof destination === 'object'
      ? destination
      : (file ?? pino.destination({ dest: 1, sync: true }));
  const logger = pino(
    {
      name: options.name,
      level: options.level ?? 'info',
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: pino.stdSerializers.err },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]),
        censor: '[redacted]',
      },
    },
    stream,
  );
  return Object.assign(logger, { close: () => file?.close() });
}
