import { expect, it } from 'vitest';

import { findResultProblem } from '../../bench/result.ts';

it('accepts one object with the name, figures and ratios', () => {
  const line = '{"name":"wire","figures":{"callsPerSecond":9},"ratios":{"vsPeer":2.5}}';

  expect(findResultProblem('wire', line)).toBeUndefined();
});

it.each([
  ['', 'its last line is no JSON: '],
  ['done', 'its last line is no JSON: done'],
  ['{"name":"other","figures":{},"ratios":{}}', 'its result is named other'],
  ['{"name":"wire","figures":{}}', 'its result has no ratios'],
  ['{"name":"wire","figures":{"p99Ms":null},"ratios":{}}', 'figures.p99Ms is not a number'],
])('says what is wrong with %s', (line, problem) => {
  expect(findResultProblem('wire', line)).toBe(problem);
});
