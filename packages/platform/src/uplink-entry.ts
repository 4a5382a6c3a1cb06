/*
 * What a thread needs that only speaks with the main node, without the libraries that daemons run on: it would load a second
 * copy of them (docs/adr/0030).
 */
export { createSystemClock } from './base/system-clock.ts';
export { createSystemRandom } from './base/system-random.ts';
export { createUplink } from './wire/uplink.ts';
export { createWireMetrics } from './wire/wire-metrics.ts';
export { createZmqTransport } from './wire/zmq-transport.ts';
