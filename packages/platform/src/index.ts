export { openLogFile, type LogFile, type LogFileOptions } from './base/log-file.ts';
export { createLogger, type LoggerOptions, type LogLevel } from './base/logger.ts';
export { createMetrics, type MetricsRegistry } from './base/metrics.ts';
export { runComponents, type RunComponentsOptions } from './base/run-components.ts';
export { createSystemClock } from './base/system-clock.ts';
export { createSystemRandom } from './base/system-random.ts';
