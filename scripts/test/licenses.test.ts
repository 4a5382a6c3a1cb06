import { expect, it } from 'vitest';

import { findLicenseProblems, isCompatible } from '../licenses.ts';

it.each(['MIT', 'MIT OR GPL-3.0', '(MIT AND Zlib)', 'GPL-2.0 OR (MIT AND BSD-3-Clause)'])(
  'accepts %s',
  (expression) => {
    expect(isCompatible(expression)).toBe(true);
  },
);

it.each(['GPL-3.0', 'MIT AND GPL-3.0', 'SEE LICENSE IN LICENSE', '(GPL-2.0 OR AGPL-3.0)', ''])(
  'refuses "%s"',
  (expression) => {
    expect(isCompatible(expression)).toBe(false);
  },
);

it('names the package and what it states, also when it states nothing', () => {
  const packages = [
    { name: 'good', version: '1.0.0', license: 'ISC' },
    { name: 'bad', version: '2.0.0', license: 'GPL-3.0' },
    { name: 'silent', version: '3.0.0', license: undefined },
  ];

  expect(findLicenseProblems(packages)).toEqual([
    'bad@2.0.0: GPL-3.0',
    'silent@3.0.0: states no licence',
  ]);
});
