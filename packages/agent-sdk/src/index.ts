export type { ActionContext, ActionSchemas, Agent, CallOptions } from './agent.ts';
export { AgentError } from './agent-error.ts';
export { connectAgent, type ConnectOptions } from './connect-agent.ts';
export type { HostProcess } from './host-process.ts';
export { MeshError, type ErrorCode } from '@meshwork/shared';
