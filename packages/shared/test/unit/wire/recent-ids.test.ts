import { expect, test } from 'vitest';
import { createRecentIds } from '../../../src/wire/recent-ids.ts';

test('an id is new once', () => {
  const ids = createRecentIds(4);

  expect(ids.add('a')).toBe(true);
  expect(ids.add('a')).toBe(false);
});

test('remembers the last ones and forgets the oldest', () => {
  const ids = createRecentIds(3);
  for (const id of ['a', 'b', 'c', 'd']) ids.add(id);

  expect(['d', 'c', 'b'].map((id) => ids.add(id))).toEqual([false, false, false]);
  expect(ids.add('a')).toBe(true);
  expect(ids.add('b')).toBe(true);
});

test('a repeat does not push others out', () => {
  const ids = createRecentIds(2);
  ids.add('a');
  ids.add('b');
  for (let times = 0; times < 10; times += 1) ids.add('b');

  expect(ids.add('a')).toBe(false);
});
