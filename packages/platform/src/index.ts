export { openLogFile, type LogFile, type LogFileOptions } from './base/log-file.ts';
export {
  createLogger,
  type LoggerOptions,
  type LogLevel,
  type OwnedLogger,
} from './base/logger.ts';
export { createMetrics, type MetricsRegistry } from './base/metrics.ts';
export { runComponents, type RunComponentsOptions } from './base/run-components.ts';
export { createSystemClock } from './base/system-clock.ts';
export { createSystemRandom } from './base/system-random.ts';
export { openDataDir, type DataDir } from './base/data-dir.ts';
export { createDiskReserve, giveUpReserve, type DiskReserve } from './base/disk-reserve.ts';
export {
  acquireLock,
  readLock,
  type DirectoryLock,
  type Endpoint,
  type LockHolder,
} from './base/directory-lock.ts';
export {
  isSameProcess,
  readBootId,
  readProcessIdentity,
  type ProcessIdentity,
} from './base/process-identity.ts';
export { createStateFile, type StateFile, type StateFileOptions } from './base/state-file.ts';
export { syncDirectory, writeFileDurable } from './base/write-file-durable.ts';
export { closestName } from './config/closest-name.ts';
export type { ConfigProblem } from './config/config-layers.ts';
export {
  describeConfig,
  showConfig,
  type ConfigKeyDoc,
  type ConfigRow,
} from './config/describe-config.ts';
export { loadConfig, type ConfigSources, type LoadedConfig } from './config/load-config.ts';
export { parseYaml, type ValuePath, type YamlFile } from './config/yaml-file.ts';
export { hasBearerToken, loadOrMintToken } from './http/bearer-token.ts';
export { bindPort, type PortWish } from './http/bind-port.ts';
export type { ErrorAnswer } from './http/error-answer.ts';
export type { HttpLimits } from './http/http-limits.ts';
export { createHttpServer, type HttpServer, type HttpServerOptions } from './http/http-server.ts';
export { describePortHolder, findPortHolder, type PortHolder } from './http/port-holder.ts';
export {
  defineEventStream,
  defineFollowableRoute,
  defineRoute,
  defineTextRoute,
  type Permission,
  type Route,
  type RouteRequest,
  type SseMessage,
} from './http/route.ts';
export { findAccount, type Account } from './runtime/accounts.ts';
export { createProcessRuntime, type ProcessRuntimeDeps } from './runtime/create-process-runtime.ts';
export { followLog, type FollowLogOptions } from './runtime/log/follow-log.ts';
export { readLog, type LogPage, type ReadLogOptions } from './runtime/log/read-log.ts';
export { type LogLine } from './runtime/log/split-lines.ts';
export { type DroppedOutput } from './runtime/log/segments.ts';
export {
  fetchPackage,
  findFetched,
  type FetchedPackage,
  type FetchOptions,
} from './redis/fetch-packages.ts';
export {
  locateRedis,
  userCacheDir,
  type LocateOptions,
  type RedisProgram,
} from './redis/locate-redis.ts';
export { probeRedis, type RedisHealth } from './redis/probe-redis.ts';
export { renderRedisConfig, type RedisConfig } from './redis/redis-config.ts';
export { createRedisStore, type RedisStoreOptions } from './store/redis-store.ts';
export type { Migration } from './store/migrations.ts';
export type { RedisTarget } from './store/redis-connection.ts';
export {
  createEmbeddedRedis,
  type EmbeddedRedis,
  type EmbeddedRedisDeps,
  type EmbeddedRedisOptions,
} from './redis/embedded-redis.ts';
export { loadOrMintKeys } from './base/key-file.ts';
export {
  enrol,
  firewallLine,
  type EnrolFailure,
  type EnrolOptions,
  type EnrolOutcome,
} from './wire/enrol.ts';
export {
  createEnrolmentDesk,
  type EnrolmentDesk,
  type EnrolmentDeskDeps,
  type EnrolmentEvents,
} from './wire/enrolment-desk.ts';
export { createHub, type HubConfig, type HubDeps } from './wire/hub.ts';
export { checkHello, fingerprint, mintKeyPair, proveHello, publicKeyOf } from './wire/keys.ts';
export { createUplink, type UplinkConfig, type UplinkDeps } from './wire/uplink.ts';
export { createWireMetrics, type WireMetrics } from './wire/wire-metrics.ts';
export { createZmqTransport } from './wire/zmq-transport.ts';
