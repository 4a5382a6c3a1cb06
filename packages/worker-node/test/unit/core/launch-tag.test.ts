import { AgentSpec, type AssignedInstance } from '@meshwork/shared';
import { describe, expect, it } from 'vitest';
import { decodeLaunchTag, encodeLaunchTag } from '../../../src/core/launch-tag.ts';

const assigned = {
  instance: 'a.0',
  agent: 'a',
  fleet: 'home',
  epoch: '1.1',
  nonce: 2,
  desired: 'run',
  spec: AgentSpec.parse({ command: ['a'], env: { A: 'x' }, ports: { http: 'auto' } }),
} as AssignedInstance;
const tag = { launch: 3, ranAs: 'abc', ports: { http: 20_001 }, assigned };

describe('what a run says of itself', () => {
  it('is read by the next daemon as it was written', () => {
    expect(decodeLaunchTag(encodeLaunchTag(tag))).toEqual(tag);
  });

  it('stays under its bound; a spec that is too long for it is looked after, and not started again', () => {
    const env = Object.fromEntries(
      Array.from({ length: 2_000 }, (_, at) => [`NAME_${at}`, '"quoted" '.repeat(20)]),
    );
    const long = {
      ...tag,
      assigned: { ...assigned, spec: AgentSpec.parse({ command: ['a'], env }) },
    };

    const encoded = encodeLaunchTag(long);

    expect(JSON.stringify(encoded).length).toBeLessThanOrEqual(256 * 1024);
    expect(decodeLaunchTag(encoded)).toMatchObject({
      launch: 3,
      assigned: { instance: 'a.0', spec: { restart: { policy: 'never' } } },
    });
  });

  it('is nothing when nobody of us wrote it', () => {
    expect(decodeLaunchTag({})).toBeUndefined();
    expect(decodeLaunchTag({ ...encodeLaunchTag(tag), assigned: '{' })).toBeUndefined();
    expect(decodeLaunchTag({ ...encodeLaunchTag(tag), launch: 'x' })).toBeUndefined();
  });
});
