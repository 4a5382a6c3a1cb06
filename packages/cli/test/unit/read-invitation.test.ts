import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeToken, NodeName, PublicKey } from '@meshwork/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readInvitation, type InvitationSource } from '../../src/join/read-invitation.ts';

const serverKey = PublicKey.parse('rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7');
const addresses = ['192.168.1.5:5551', '127.0.0.1:5551'];
const token = encodeToken({
  id: 't1',
  secret: 's3cret',
  addresses,
  serverKey,
  expiresAtMs: 1_000,
  uses: 1,
  node: NodeName.parse('pc2'),
});
const invitation = {
  addresses,
  serverKey,
  token: { id: 't1', secret: 's3cret' },
  node: 'pc2',
  expiresAtMs: 1_000,
};

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mesh-invitation-'));
  await writeFile(join(dir, 'token.txt'), `${token}\n`);
});
afterEach(() => rm(dir, { recursive: true }));

const read = (source: Partial<InvitationSource>) =>
  readInvitation({
    token: undefined,
    file: undefined,
    main: undefined,
    serverKey: undefined,
    cwd: dir,
    readStdin: async () => `${token.slice(0, 40)}\n${token.slice(40)}\n`,
    ...source,
  });

describe('readInvitation', () => {
  it.each([
    { way: 'the command line', source: { token } },
    { way: 'standard input, wrapped by a terminal', source: { token: '-' } },
    { way: 'a file', source: { file: 'token.txt' } },
  ])('reads a token from $way', async ({ source }) => {
    expect(await read(source)).toEqual(invitation);
  });

  it.each([
    ['192.168.1.5', '192.168.1.5:5551'],
    ['pc1.lan:6000', 'pc1.lan:6000'],
    ['fd00::5', '[fd00::5]:5551'],
    ['[fd00::5]:6000', '[fd00::5]:6000'],
    ['[fd00::5]', '[fd00::5]:5551'],
  ])('takes --main %s as %s', async (main, address) => {
    expect(await read({ main, serverKey })).toEqual({ addresses: [address], serverKey });
  });

  it.each([
    { source: {}, code: 'MESH_USAGE', says: 'say what to join' },
    { source: { token, file: 'token.txt' }, code: 'MESH_USAGE', says: 'one invitation, not 2' },
    { source: { main: 'pc1' }, code: 'MESH_USAGE', says: '--main needs --server-key' },
    { source: { serverKey }, code: 'MESH_USAGE', says: 'goes with --main' },
    { source: { main: 'pc1', serverKey: 'x' }, code: 'MESH_INPUT_INVALID', says: '40 characters' },
    { source: { file: 'gone.txt' }, code: 'MESH_FILE_UNREADABLE', says: 'gone.txt: ENOENT' },
    { source: { token: 'hello' }, code: 'MESH_INPUT_INVALID', says: 'no join token' },
  ])('refuses $source with $code', async ({ source, code, says }) => {
    await expect(read(source)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says),
    });
  });
});
