export { createFakeClock, type FakeClock } from './fake-clock.ts';
export type { LeftProcess } from './leftovers.ts';
export { findLeftProcesses } from './leftovers.ts';
export type { Need } from './needs.ts';
export { hasNeed, itNeeds } from './needs.ts';
export { pickForRun } from './run-length.ts';
export { startRealRedis, type RealRedis, type RealRedisOptions } from './real-redis.ts';
export { describeProcessRuntime, type ProcessRuntimeSubject } from './contracts/process-runtime.ts';
export { until } from './until.ts';
