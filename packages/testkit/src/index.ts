export { createFakeClock, type FakeClock } from './fake-clock.ts';
export type { LeftProcess } from './leftovers.ts';
export { findLeftProcesses } from './leftovers.ts';
export type { Need } from './needs.ts';
export { hasNeed, itNeeds } from './needs.ts';
export { pickForRun } from './run-length.ts';
export { startRealRedis, type RealRedis, type RealRedisOptions } from './real-redis.ts';
export { describeProcessRuntime } from './contracts/process-runtime.ts';
export {
  isThere,
  useProcessRuntimeWorld,
  type ProcessRuntimeSubject,
  type ProcessRuntimeWorld,
} from './contracts/process-runtime-world.ts';
export { until } from './until.ts';
export { CONTRACT_EVENTS_KEPT, describeStore, type StoreSubject } from './contracts/store.ts';
export {
  createMemoryDatabase,
  createMemoryStore,
  type MemoryDatabase,
  type MemoryStore,
} from './memory-store.ts';
export {
  startRealMesh,
  type MeshOutput,
  type RealMesh,
  type RealMeshOptions,
} from './real-mesh.ts';
export { createMemoryNetwork, type MemoryNetwork, type NetworkFaults } from './memory-network.ts';
export { describeTransport } from './contracts/transport.ts';
export { describeLink } from './contracts/link.ts';
export { createLinkWorld, type LinkWorld } from './contracts/link-world.ts';
export { createWorkerRig, type RigAgent, type WorkerRig } from './worker-rig.ts';
export { startPc, writeBootId, type Pc, type PcOptions } from './pc.ts';
export { startNetWorld, type NetWorld } from './net-world.ts';
export { openMeshApi, type MeshAnswer, type MeshApi } from './mesh-api.ts';
export { startJoinedNode, type JoinedNode } from './joined-node.ts';
export { diaryAgent, readDiary, type DiaryLine } from './diary.ts';
export { watch, watchProcesses, type Witness } from './witness.ts';
export { mountSmallDisk, type SmallDisk } from './small-disk.ts';
