import { describe, expect, it } from 'vitest';
import { noteConfig } from '../../../src/core/note-config.ts';
import { meshWith } from '../../fixtures/make-state.ts';

describe('noteConfig', () => {
  const first = noteConfig(meshWith(), { 'http.port': 8080, 'log.level': 'info' });

  it('notes the config of the first start without an event', () => {
    expect(first.events).toEqual([]);
    expect(first.state.config).toEqual({ 'http.port': 8080, 'log.level': 'info' });
  });

  it('tells each key that is not as it was, with what was before', () => {
    const { events } = noteConfig(first.state, { 'http.port': 9090, 'redis.url': 'redis://x' });
    expect(events).toEqual([
      { kind: 'config.changed', key: 'http.port', before: 8080, after: 9090 },
      { kind: 'config.changed', key: 'log.level', before: 'info' },
      { kind: 'config.changed', key: 'redis.url', after: 'redis://x' },
    ]);
  });

  it('changes nothing when nothing changed', () => {
    const again = noteConfig(first.state, { 'http.port': 8080, 'log.level': 'info' });
    expect(again.state).toBe(first.state);
    expect(again.events).toEqual([]);
  });
});
