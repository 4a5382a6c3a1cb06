import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MeshError, parseToken, PublicKey, type NodeName } from '@meshwork/shared';

/** Where a mesh can be joined, whom to trust there, and what to say. */
export interface Invitation {
  /** `HOST:PORT` of the enrolment port, tried in turn. */
  readonly addresses: readonly string[];
  readonly serverKey: PublicKey;
  /** Absent: the key waits for a person. */
  readonly token?: { readonly id: string; readonly secret: string };
  /** The one name that the token admits; absent: any. */
  readonly node?: NodeName;
  /** Wall clock of the main node. */
  readonly expiresAtMs?: number;
}

/** The ways of a command line to name an invitation; exactly one of them is used. */
export interface InvitationSource {
  /** The token itself, or `-` for standard input. */
  readonly token: string | undefined;
  readonly file: string | undefined;
  readonly main: string | undefined;
  readonly serverKey: string | undefined;
  readonly cwd: string;
  readStdin(): Promise<string>;
}

/** Port of enrolment where `--main` names none. */
const defaultPort = 5551;

const ways = 'mesh join TOKEN, mesh join - (standard input), mesh join --file FILE';

/**
 * Reads the invitation that a command line names.
 *
 * Throws `MESH_USAGE` when it names none or several, `MESH_FILE_UNREADABLE`, and `MESH_INPUT_INVALID` for a token or key
 * that was damaged on its way.
 */
export async function readInvitation(source: InvitationSource): Promise<Invitation> {
  const { token, file, main, serverKey } = source;
  const named = [token, file, main].filter((way) => way !== undefined);
  if (named.length > 1)
    throw new MeshError('MESH_USAGE', `name one invitation, not ${named.length}: ${ways}`);
  if (main !== undefined) return toWaitingInvitation(main, serverKey);
  if (serverKey !== undefined)
    throw new MeshError('MESH_USAGE', '--server-key goes with --main HOST:PORT');
  if (file !== undefined) return fromToken(await readTokenFile(resolve(source.cwd, file)));
  if (token === undefined)
    throw new MeshError(
      'MESH_USAGE',
      `say what to join: ${ways}; mesh node invite on the Main PC prints the token`,
    );
  return fromToken(token === '-' ? await source.readStdin() : token);
}

function toWaitingInvitation(main: string, serverKey: string | undefined): Invitation {
  if (serverKey === undefined) {
    throw new MeshError(
      'MESH_USAGE',
      '--main needs --server-key KEY, as mesh node invite --pending on the Main PC prints it',
    );
  }
  const key = PublicKey.safeParse(serverKey);
  if (!key.success) {
    throw new MeshError(
      'MESH_INPUT_INVALID',
      `the server key is 40 characters, not ${serverKey.length}; copy it again, in single quotes`,
    );
  }
  return { addresses: [withPort(main)], serverKey: key.data };
}

/** `HOST` becomes `HOST:5551`; a bare IPv6 address is put in brackets. */
function withPort(address: string): string {
  if (/^\[.+\]:\d+$/.test(address) || /^[^:]+:\d+$/.test(address)) return address;
  const isBareIpv6 = address.includes(':') && !address.startsWith('[');
  return `${isBareIpv6 ? `[${address}]` : address}:${defaultPort}`;
}

async function readTokenFile(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new MeshError(
      'MESH_FILE_UNREADABLE',
      `cannot read the join token in ${path}: ${error.code ?? error.message}`,
      { cause: error },
    );
  });
}

function fromToken(text: string): Invitation {
  const parsed = parseToken(text);
  if (!parsed.ok) throw new MeshError('MESH_INPUT_INVALID', parsed.problem);
  const { id, secret, addresses, serverKey, node, expiresAtMs } = parsed.token;
  const about = { addresses, serverKey, token: { id, secret }, expiresAtMs };
  return node === undefined ? about : { ...about, node };
}
