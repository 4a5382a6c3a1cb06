export type { Clock } from './ports/clock.ts';
export type { Component } from './ports/component.ts';
export type { LogFields, Logger } from './ports/logger.ts';
export type { Counter, Gauge, Histogram, MetricLabels, MetricOptions, Metrics } from './ports/metrics.ts';
export type { Random } from './ports/random.ts';
export { tickEvery } from './ticks.ts';
