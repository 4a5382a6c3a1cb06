import { join } from 'node:path';
import {
  createHub,
  createWireMetrics,
  createZmqTransport,
  type LoadedConfig,
} from '@meshwork/platform';
import type {
  Clock,
  Component,
  Hub,
  HubEvents,
  KeyPair,
  Logger,
  MainNodeConfig,
  Metrics,
  NodeName,
  PublicKey,
  Random,
  Term,
} from '@meshwork/shared';
import type { MeshState } from '../core/mesh-state.ts';
import type { Door, Knock } from '../services/node-admissions.ts';
import { createControlPort, pickControlHosts } from './control-port.ts';
import { createEnrolmentDoor } from './enrolment-door.ts';
import type { HubSlot } from './hub-slot.ts';
import { createListeningFile } from './listening.ts';

/** What the two ports that nodes dial work with. */
export interface ControlPlaneOptions {
  readonly dir: string;
  readonly config: LoadedConfig<MainNodeConfig>;
  readonly keys: KeyPair;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Filled when the control port is bound. */
  readonly slot: HubSlot;
  readonly state: () => MeshState;
  readonly term: () => Term;
  readonly hubEvents: HubEvents;
  /** Adds the handlers of messages and requests, before the hub starts. */
  readonly attach: (hub: Hub) => void;
  readonly knock: (knock: Knock) => Promise<void>;
  readonly admitted: () => ReadonlyMap<PublicKey, NodeName>;
}

/** The control port and the enrolment port, over ZeroMQ. */
export function createControlPlane(options: ControlPlaneOptions): {
  readonly controlPort: Component;
  readonly door: Door;
} {
  const { dir, clock, random, logger, metrics, keys, slot, state } = options;
  const config = options.config.value;
  const transport = createZmqTransport();
  const wireMetrics = createWireMetrics(metrics);
  const listening = createListeningFile(join(dir, 'listen.json'), logger);

  function makeHub({
    hosts,
    port,
  }: {
    readonly hosts: readonly string[];
    readonly port: number;
  }): Hub {
    const { peerQueueBytes: maxBytes, peerQueue: maxMessages } = config.control;
    const hub = createHub(
      { transport, clock, random, logger, metrics: wireMetrics, events: options.hubEvents },
      {
        hosts,
        port,
        keys,
        term: options.term(),
        admitted: options.admitted(),
        queue: { maxBytes, maxMessages },
      },
    );
    options.attach(hub);
    return hub;
  }

  return {
    controlPort: createControlPort({
      dataDir: dir,
      async hosts() {
        const kept = await listening.read();
        return pickControlHosts(config.control.host, { state: state(), kept, nowMs: clock.now() });
      },
      port: config.control.port,
      portWasSet: options.config.isSet('control.port'),
      slot,
      listening,
      logger,
      makeHub,
    }),
    door: createEnrolmentDoor({
      dataDir: dir,
      port: config.enrolment.port,
      portWasSet: options.config.isSet('enrolment.port'),
      controlHost: config.control.host,
      keys,
      transport,
      clock,
      random,
      logger,
      wireMetrics,
      hub: slot,
      listening,
      mesh: () => state().mesh,
      knock: options.knock,
    }),
  };
}
