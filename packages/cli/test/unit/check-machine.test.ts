import { expect, it } from 'vitest';
import { checkDescriptors } from '../../src/doctor/check-machine.ts';

const limits = (hard: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 ${hard}              files\n`;

it.each(['4096', 'unlimited'])(
  'is content with %s descriptors: what counts is the hard limit, to which a daemon raises its own',
  async (hard) => {
    expect(await checkDescriptors(limits(hard))).toMatchObject({ healthy: true });
  },
);

it('says before anything starts how too few descriptors are raised', async () => {
  expect(await checkDescriptors(limits('1024'))).toMatchObject({
    healthy: false,
    message: expect.stringContaining('ulimit -n 4096'),
  });
});

it('finds nothing wrong where the limit cannot be known', async () => {
  expect(await checkDescriptors('')).toMatchObject({ healthy: true });
});
