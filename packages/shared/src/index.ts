export {
  AgentName,
  Epoch,
  FleetName,
  GroupName,
  Incarnation,
  InstanceId,
  MeshId,
  NodeName,
  PublicKey,
  Revision,
  Term,
  compareEpochs,
  toInstanceId,
} from './ids.ts';
export {
  ByteSize,
  Duration,
  formatBytes,
  formatDuration,
  parseByteSize,
  parseDuration,
} from './quantities.ts';
export { release } from './release.ts';
export { tickEvery } from './ticks.ts';
export { errorTable, type ErrorCode, type ErrorRow } from './errors/table.ts';
export { MeshError, fromErrorBody, toMeshError, type ErrorBody } from './errors/mesh-error.ts';
export {
  AgentSpec,
  Calls,
  Health,
  Labels,
  PortClaim,
  PortName,
  RestartPolicy,
  StopPolicy,
  unsupportedFields,
} from './fleet/agent-spec.ts';
export { parseFleet, type Fleet, type FleetParse, type Problem } from './fleet/fleet.ts';
export {
  phaseKey,
  planStart,
  type StartGroup,
  type StartPlan,
  type StartProblem,
  type StartVertex,
} from './fleet/phases.ts';
export { interpolate, referencesIn, type Lookup } from './fleet/interpolate.ts';
export { AgentCall, CallArgs, RouteCall } from './messages/agent-call.ts';
export { AgentLogs, LogCursor } from './messages/agent-logs.ts';
export {
  defineMessage,
  defineRequest,
  type MessageKind,
  type MessageOf,
  type RequestKind,
} from './messages/define-message.ts';
export {
  Batch,
  Envelope,
  maxBatchBytes,
  maxMessageBytes,
  protocolRange,
} from './messages/envelope.ts';
export { Enrol, type EnrolAnswer, type EnrolAsk } from './messages/enrol.ts';
export { Hello, HelloWanted, PeerRole } from './messages/hello.ts';
export { WireError, WirePing } from './messages/wire.ts';
export { Welcome, type WelcomeOffer } from './messages/welcome.ts';
export {
  NodeCalledDead,
  NodeLeft,
  NodeMetrics,
  NodeRemoved,
  UnclaimedAct,
} from './messages/node-admin.ts';
export { AssignedInstance, NodeAssign } from './messages/node-assign.ts';
export { NodeCheck } from './messages/node-check.ts';
export { Capability, NodeFacts } from './messages/node-facts.ts';
export { NodeHeartbeat } from './messages/node-heartbeat.ts';
export { NodePeers } from './messages/node-peers.ts';
export { NodePing } from './messages/node-ping.ts';
export {
  Evidence,
  InstanceReport,
  InstanceState,
  LastExit,
  NodeReport,
} from './messages/node-report.ts';
export {
  ActResult,
  AgentAct,
  CallRequest,
  CallResult,
  ConfigCheck,
  ConfigSetting,
  Done,
  FailureAnswer,
  FleetInput,
  FleetRow,
  HealthReport,
  Invite,
  InviteRequest,
  JoinResult,
  LogRow,
  NodeAct,
  PingRequest,
  PingRow,
  Plan,
  PlanStep,
} from './api/actions.ts';
export { Actor, MeshEvent } from './api/events.ts';
export { Admission, AgentRow, NodeRow, NodeState, Status, listOf } from './api/rows.ts';
export { type Clock } from './ports/clock.ts';
export { type Component } from './ports/component.ts';
export {
  type HandlerTable,
  type HelloVerdict,
  type Hub,
  type HubEvents,
  type Peer,
  type Received,
  type RequestOptions,
  type RequestOutcome,
  type SendOutcome,
  type Uplink,
  type UplinkEvents,
} from './ports/link.ts';
export { type LogFields, type Logger } from './ports/logger.ts';
export {
  type Counter,
  type Gauge,
  type Histogram,
  type MetricLabels,
  type MetricOptions,
  type Metrics,
} from './ports/metrics.ts';
export { type Random } from './ports/random.ts';
export {
  type BindOptions,
  type CloseReason,
  type DealerEvents,
  type DealerSocket,
  type DialOptions,
  type FrameOutcome,
  type KeyPair,
  type OutgoingFrame,
  type RouterEvents,
  type RouterSocket,
  type Transport,
} from './ports/socket.ts';
export {
  decodeBatch,
  decodeMessage,
  encodeBatch,
  encodeMessage,
  firstKind,
  isWord,
  type BatchHead,
  type EncodedMessage,
} from './wire/batch-codec.ts';
export { pickProtocol, toClaimText, type HelloClaim } from './wire/hello-claim.ts';
export { maxDriftRatio, stepLinkAge, type LinkAge } from './wire/link-age.ts';
export {
  createPeerQueue,
  type PeerQueue,
  type PeerQueueLimits,
  type QueuedMessage,
} from './wire/peer-queue.ts';
export { createRecentIds, type RecentIds } from './wire/recent-ids.ts';
export {
  createRememberedAnswers,
  type AnswerLimits,
  type Recall,
  type RememberedAnswer,
  type RememberedAnswers,
} from './wire/remembered-answers.ts';
export { JoinToken, encodeToken, parseToken, type JoinTokenParse } from './wire/join-token.ts';
export { redialTiming, stepRedial, type DialEnd, type Redial } from './wire/step-redial.ts';
export { decodeZ85, encodeZ85 } from './wire/z85.ts';
export {
  type Containment,
  type LaunchSpec,
  type LogPolicy,
  type ProcessRuntime,
  type Run,
  type RunExit,
  type TreeEnd,
} from './ports/runtime.ts';
export { MainNodeConfig } from './config/main-node-config.ts';
export { RemovedNode } from './config/removed-node.ts';
export { WorkerNodeConfig } from './config/worker-node-config.ts';
export {
  ActionName,
  AgentLinkMessage,
  LinkAgentCall,
  LinkAnswer,
  LinkHello,
} from './agent-link/agent-messages.ts';
export { decodeLinkFrame, type LinkFrame } from './agent-link/decode-link.ts';
export { linkLimits, linkProtocol, maxSocketPathBytes } from './agent-link/limits.ts';
export { LinkNodeCall, LinkWelcome, NodeLinkMessage } from './agent-link/node-messages.ts';
export type {
  ClaimedTerm,
  EventPage,
  MeshStore,
  StoreChange,
  StoreDocument,
  StoredEvent,
  StoredValue,
  StoreIdentity,
  StoreLoss,
  StoreSnapshot,
} from './ports/store.ts';
