import { readFileSync } from 'node:fs';
import * as shared from '@meshwork/shared';
import {
  AgentLinkMessage,
  NodeLinkMessage,
  encodeBatch,
  encodeMessage,
  encodeToken,
  protocolRange,
  type BatchHead,
} from '@meshwork/shared';
import { z } from 'zod';
import {
  goldenLinkSamples,
  goldenSamples,
  goldenToken,
  type GoldenSample,
} from './golden-samples.ts';

/** One golden file: a frame as a release wrote it, and what it says. */
export const GoldenFile = z.strictObject({
  kind: z.string(),
  /** Of the body; absent where only the protocol has a version. */
  version: z.int().positive().optional(),
  /** The exact text of the frame. */
  frame: z.string(),
  body: z.unknown(),
});
export type GoldenFile = z.infer<typeof GoldenFile>;

/** Where golden files are, a folder a release. */
export const goldenFolder = `${import.meta.dirname}/golden`;

/** Every kind of the control plane, answers included, with its schema. */
export const wireKinds: ReadonlyMap<
  string,
  { readonly version: number; readonly body: z.ZodType }
> = new Map(Object.values(shared).flatMap(toKinds));

/** Every kind of the agent link, with the schema that its receiver reads it by. */
export const linkKinds: ReadonlyMap<string, z.ZodType> = new Map<string, z.ZodType>([
  ...AgentLinkMessage.options.map(({ shape }): [string, z.ZodType] => [
    `agent.${shape.kind.value}`,
    AgentLinkMessage,
  ]),
  ...NodeLinkMessage.options.map(({ shape }): [string, z.ZodType] => [
    `node.${shape.kind.value}`,
    NodeLinkMessage,
  ]),
]);

/** The release that is being made: the first one of the changelog. */
export function currentRelease(): string {
  const changelog = readFileSync(`${import.meta.dirname}/../../CHANGELOG.md`, 'utf8');
  const [, version] = /^## (\d+\.\d+\.\d+)/m.exec(changelog) ?? [];
  if (version === undefined) throw new Error('CHANGELOG.md names no release');
  return version;
}

/** The golden files of this code by their path in the release's folder. */
export function renderGoldenFiles(): ReadonlyMap<string, GoldenFile> {
  const files = new Map<string, GoldenFile>();
  for (const [kind, sample] of Object.entries(goldenSamples)) {
    const version = wireKinds.get(kind)?.version;
    const file = { kind, frame: encodeFrame(kind, sample), body: sample.body };
    files.set(`wire/${toFileName(kind)}`, version === undefined ? file : { ...file, version });
  }
  for (const [sender, samples] of Object.entries(goldenLinkSamples)) {
    for (const [name, message] of Object.entries(samples)) {
      const kind = `${sender}.${name.replace('.error', '')}`;
      const file = { kind, frame: JSON.stringify(message), body: message };
      files.set(`agent-link/${toFileName(`${sender}.${name}`)}`, file);
    }
  }
  const kind = 'join-token';
  return files.set('join-token.json', {
    kind,
    frame: encodeToken(goldenToken),
    body: goldenToken,
  });
}

/** As it is written to disk. */
export function toText(file: GoldenFile): string {
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** What the frames of each sender have in common. */
const heads: Readonly<Record<GoldenSample['from'], Omit<BatchHead, 'v' | 'sentAtMs'>>> = {
  hub: { to: 'pc2', term: 3 },
  peer: { to: 'hub', term: 3, session: 'c2Vzc2lvbjEy' },
  greeter: { to: '', term: 3 },
  stranger: { to: 'hub', term: 0 },
};

function encodeFrame(kind: string, { from, body, ...rest }: GoldenSample): string {
  const head = { ...heads[from], v: protocolRange.max, sentAtMs: 123_456_789 };
  const row = encodeMessage({ ...rest, id: 'hU8bXy2z.1a', kind, bodyJson: JSON.stringify(body) });
  return encodeBatch(head, [row]);
}

/** No file system refuses it. */
function toFileName(kind: string): string {
  return `${kind.replace('?', '-wanted')}.json`;
}

function toKinds(value: unknown): readonly [string, { version: number; body: z.ZodType }][] {
  if (typeof value !== 'object' || value === null) return [];
  if (!('kind' in value) || !('version' in value) || !('body' in value)) return [];
  const { kind, version, body } = value as { kind: string; version: number; body: z.ZodType };
  const own: [string, { version: number; body: z.ZodType }] = [kind, { version, body }];
  if (!('answer' in value)) return [own];
  return [own, [`${kind}.answer`, { version, body: value.answer as z.ZodType }]];
}
