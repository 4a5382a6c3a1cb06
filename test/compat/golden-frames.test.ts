import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
} from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import {
  AgentSpec,
  Hello,
  NodeAssign,
  NodeFacts,
  decodeBatch,
  decodeLinkFrame,
  decodeMessage,
  decodeZ85,
  parseToken,
} from '@meshwork/shared';
import { describe, expect, test } from 'vitest';
import { goldenKeys, goldenRoutingId } from './golden-keys.ts';
import {
  GoldenFile,
  currentRelease,
  goldenFolder,
  linkKinds,
  renderGoldenFiles,
  toText,
  wireKinds,
} from './golden-files.ts';

/** Fields that a message carries without looking into them, or whose keys come from outside. */
const carried = new Set([
  'about',
  'addresses',
  'args',
  'details',
  'facts',
  'ports',
  'result',
  'spec',
]);

const releases = readdirSync(goldenFolder);

function readAll(folder: string): readonly (readonly [string, GoldenFile])[] {
  return readdirSync(`${goldenFolder}/${folder}`)
    .filter((name) => name.endsWith('.json'))
    .map((name) => [`${folder}/${name}`, readGolden(`${folder}/${name}`)]);
}

function readGolden(name: string): GoldenFile {
  return GoldenFile.parse(JSON.parse(readFileSync(`${goldenFolder}/${name}`, 'utf8')));
}

/** The same with a field more in every object of its own. */
function extend(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(extend);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, field]) => [
    key,
    carried.has(key) ? field : extend(field),
  ]);
  return { ...Object.fromEntries(entries), fieldOfALaterRelease: ['new'] };
}

describe.each(releases.flatMap((release) => readAll(`${release}/wire`)))('%s', (_name, file) => {
  const schema = wireKinds.get(file.kind)?.body;
  const batch = decodeBatch(file.frame);

  test('is read, and says what it said then', () => {
    const [message, ...others] = batch?.messages.map(decodeMessage) ?? [];

    expect(others).toEqual([]);
    expect(message?.kind).toBe(file.kind);
    expect(schema?.parse(message?.body)).toEqual(file.body);
  });

  test('has a body of a version that this release reads', () => {
    expect(file.version).toBe(wireKinds.get(file.kind)?.version);
  });

  test('says the same with fields that this release does not know', () => {
    expect(schema?.parse(extend(file.body))).toEqual(file.body);
  });
});

describe.each(releases.flatMap((release) => readAll(`${release}/agent-link`)))(
  '%s',
  (_name, file) => {
    const schema = linkKinds.get(file.kind);

    test('is read, and says what it said then', () => {
      expect(schema && decodeLinkFrame(schema, file.frame)).toEqual({
        ok: true,
        message: file.body,
      });
    });

    test('says the same with fields that this release does not know', () => {
      expect(schema && decodeLinkFrame(schema, JSON.stringify(extend(file.body)))).toEqual({
        ok: true,
        message: file.body,
      });
    });
  },
);

describe(`what this release writes`, () => {
  const release = currentRelease();
  const rendered = [...renderGoldenFiles()];

  test.each(rendered)('%s is what it was', (name, file) => {
    const text = readFileSync(`${goldenFolder}/${release}/${name}`, 'utf8');

    expect(text, `${name}: node scripts/golden.ts --write`).toBe(toText(file));
  });

  test('every kind of message has a golden frame, and every golden frame a kind', () => {
    const golden = readAll(`${release}/wire`).map(([, { kind }]) => kind);

    expect(golden.toSorted()).toEqual([...wireKinds.keys()].toSorted());
  });

  test('every kind of the agent link has a golden frame, and every golden frame a kind', () => {
    const golden = readAll(`${release}/agent-link`).map(([, { kind }]) => kind);

    expect([...new Set(golden)].toSorted()).toEqual([...linkKinds.keys()].toSorted());
  });
});

describe.each(releases)('%s', (release) => {
  test('its join token is read', () => {
    const { frame, body } = readGolden(`${release}/join-token.json`);

    expect(parseToken(frame)).toEqual({ ok: true, token: body });
  });

  test('its assignment holds a spec and its hello holds facts that this release reads unchanged', () => {
    const { instances } = NodeAssign.body.parse(
      readGolden(`${release}/wire/node.assign.json`).body,
    );
    const { about } = Hello.body.parse(readGolden(`${release}/wire/hello.json`).body);

    expect(instances.map(({ spec }) => AgentSpec.parse(spec))).toEqual(
      instances.map(({ spec }) => spec),
    );
    expect(NodeFacts.parse(about)).toEqual(about);
  });

  test.each([
    ['hello', 'node', 7],
    ['enrol', 'enrol', 0],
  ])('the proof in its %s is what docs/protocol.md says', (kind, role, incarnation) => {
    const { body } = readGolden(`${release}/wire/${kind}.json`);
    const { server, node } = goldenKeys;
    const text = JSON.stringify([
      'meshwork hello 1',
      goldenRoutingId,
      'pc2',
      role,
      incarnation,
      node.publicKey,
      server.publicKey,
    ]);

    expect(body).toMatchObject({ proof: signByTheBook(text) });
  });
});

/** The recipe of docs/protocol.md on its own, as another client would follow it: from the main node's side. */
function signByTheBook(text: string): string {
  const toRaw = (key: string): Buffer => Buffer.from(decodeZ85(key) ?? []);
  const secret = Buffer.concat([
    Buffer.from('302e020100300506032b656e04220420', 'hex'),
    toRaw(goldenKeys.server.secretKey),
  ]);
  const peer = Buffer.concat([
    Buffer.from('302a300506032b656e032100', 'hex'),
    toRaw(goldenKeys.node.publicKey),
  ]);
  const shared = diffieHellman({
    privateKey: createPrivateKey({ key: secret, format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: peer, format: 'der', type: 'spki' }),
  });
  const key = hkdfSync('sha256', shared, '', 'meshwork hello proof', 32);
  return createHmac('sha256', Buffer.from(key)).update(text).digest('hex');
}
