import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentLinkMessage, NodeLinkMessage } from '@meshwork/shared';
import { Router } from 'zeromq';

/** The worker node's end of a link, by hand: every message of the conversation is the test's. */
export interface FakeNode {
  readonly env: { readonly MESH_LINK: string; readonly MESH_TOKEN: string };
  /** The next message of the agent. */
  receive(): Promise<AgentLinkMessage>;
  /** The next message of this kind; others before it are dropped. */
  receiveKind<Kind extends AgentLinkMessage['kind']>(
    kind: Kind,
  ): Promise<AgentLinkMessage & { readonly kind: Kind }>;
  /** To the connection that spoke last. */
  send(message: NodeLinkMessage): Promise<void>;
  /** Receives a hello and welcomes it. */
  welcome(): Promise<AgentLinkMessage & { readonly kind: 'hello' }>;
  /** Ends and begins again on the same path, as a restarted worker node does. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startFakeNode(): Promise<FakeNode> {
  const folder = await mkdtemp(join(tmpdir(), 'node-'));
  const endpoint = `ipc://${join(folder, 'link')}`;
  let router = await bind();
  let peer: Buffer | undefined;

  async function bind(): Promise<Router> {
    const socket = new Router({ linger: 0, mandatory: true, probeRouter: true });
    await socket.bind(endpoint);
    return socket;
  }

  const node: FakeNode = {
    env: { MESH_LINK: endpoint, MESH_TOKEN: 'the-token' },
    async receive() {
      const [from, frame] = await router.receive();
      peer = from;
      return JSON.parse(String(frame)) as AgentLinkMessage;
    },
    async receiveKind<Kind extends AgentLinkMessage['kind']>(kind: Kind) {
      for (;;) {
        const message = await node.receive();
        if (message.kind === kind) return message as AgentLinkMessage & { readonly kind: Kind };
      }
    },
    async send(message) {
      if (peer === undefined) throw new Error('nobody has spoken yet');
      await router.send([peer, JSON.stringify(message)]);
    },
    async welcome() {
      const hello = await node.receiveKind('hello');
      await router.send([
        peer ?? '',
        '{"kind":"welcome","protocol":1,"node":"pc2","instance":"shard.0","epoch":"3.1"}',
      ]);
      return hello;
    },
    async restart() {
      router.close();
      router = await bind();
    },
    async close() {
      router.close();
      await rm(folder, { recursive: true });
    },
  };
  return node;
}
