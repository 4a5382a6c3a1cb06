import { expect, test } from 'vitest';
import { closestName } from '../../../src/config/closest-name.ts';

const known = ['port', 'host', 'maxMemory', 'acceptLoss'];

test.each([
  ['prot', 'port'],
  ['hots', 'host'],
  ['maxmemory', 'maxMemory'],
  ['maxMemry', 'maxMemory'],
  ['acceptloss', 'acceptLoss'],
])('%s was probably meant as %s', (typed, meant) => {
  expect(closestName(typed, known)).toBe(meant);
});

test.each(['timeout', 'x', 'memory'])('%s is near to nothing', (typed) => {
  expect(closestName(typed, known)).toBeUndefined();
});
