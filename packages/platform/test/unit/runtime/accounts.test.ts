import { userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { findAccount, pickAccount } from '../../../src/runtime/accounts.ts';

const passwd =
  'root:x:0:0:root:/root:/bin/bash\nme:x:1000:1001:Me,,,:/home/me:/bin/sh\nme2:x:5:6::/x:\n';

describe('an account', () => {
  it('is found by its whole name', () => {
    expect(pickAccount(passwd, 'me')).toEqual({
      name: 'me',
      uid: 1000,
      gid: 1001,
      home: '/home/me',
    });
    expect(pickAccount(passwd, 'm')).toBeUndefined();
    expect(pickAccount(passwd, 'ME')).toBeUndefined();
  });

  it('is that of the machine', async () => {
    const { username, uid } = userInfo();
    expect(await findAccount(username)).toMatchObject({ name: username, uid });
  });

  it.each(['no-such-user', '', '-n', '../root', 'a b', 'root\n'])(
    'is none for %j',
    async (name) => {
      expect(await findAccount(name)).toBeUndefined();
    },
  );
});
