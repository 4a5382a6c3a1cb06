import { createHash } from 'node:crypto';
import {
  MeshError,
  encodeToken,
  type ActResult,
  type Actor,
  type Clock,
  type Component,
  type Hub,
  type Invite,
  type InviteRequest,
  type Logger,
  type NodeAct,
  type NodeName,
  type PublicKey,
  type Random,
} from '@meshwork/shared';
import {
  acceptKey,
  addInvite,
  cordonNode,
  getNode,
  rekeyNode,
  spendInvite,
  type Applicant,
} from '../core/admission.ts';
import type { Transition } from '../core/apply-plan.ts';
import type { MeshState } from '../core/mesh-state.ts';
import type { EventRecorder } from './event-recorder.ts';
import { expel } from './expel-node.ts';
import type { StateKeeper } from './state-keeper.ts';
import { createWaitingKeys, type PendingKey } from './waiting-keys.ts';

/** The key of a node that `mesh up` starts on this machine. */
export interface LocalKey {
  readonly node: NodeName;
  readonly publicKey: PublicKey;
}

/** What a key says at the enrolment port. */
export interface Knock {
  readonly node: NodeName;
  readonly publicKey: PublicKey;
  readonly address?: string | undefined;
  /** Absent: it asks to wait for a person. */
  readonly token?: { readonly id: string; readonly secret: string } | undefined;
}

/** The enrolment port, as far as admissions open and close it. */
export interface Door {
  /** Listens on these addresses, or on every usable one; resolves with the `HOST:PORT`s that a node can be told. */
  open(addresses: readonly string[] | undefined): Promise<readonly string[]>;
  /** Listens again where it did before a restart. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** Who may connect, and how that changes. While it runs, the door closes when the last token has expired. */
export interface NodeAdmissions extends Component {
  /** Takes over the keys of this machine's own nodes. Refusals are logged and listed, not thrown. */
  acceptLocal(keys: readonly LocalKey[], actor: Actor): Promise<readonly string[]>;
  invite(ask: InviteRequest, actor: Actor): Promise<Invite>;
  act(name: string, act: NodeAct, actor: Actor): Promise<ActResult>;
  /** Answers a key at the door: resolves when it is let in, throws why not (also MESH_JOIN_PENDING). */
  knock(knock: Knock): Promise<void>;
  pending(): readonly PendingKey[];
  /** The keys that may connect. */
  admitted(): ReadonlyMap<PublicKey, NodeName>;
}

/** How often it is looked whether anybody can still join, ms. */
const doorMs = 1_000;

/** Admissions over the desired state; the list of keys follows each change at once. */
export function createNodeAdmissions(deps: {
  readonly keeper: Pick<StateKeeper, 'state' | 'change'>;
  readonly hub: Pick<Hub, 'admit' | 'request' | 'isBound'>;
  readonly door: Door;
  readonly recorder: Pick<EventRecorder, 'record'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly serverKey: PublicKey;
  readonly fingerprintOf: (key: PublicKey) => string;
  readonly maxPending: number;
}): NodeAdmissions {
  const { keeper, hub, door, clock, logger } = deps;
  const waiting = createWaitingKeys(deps.maxPending);
  let waitUntilMs = 0;
  let isOpen = false;
  const stopping = new AbortController();
  let ticking: Promise<void> = Promise.resolve();

  const toApplicant = (knock: Pick<Knock, 'node' | 'publicKey'>): Applicant => ({
    node: knock.node,
    publicKey: knock.publicKey,
    fingerprint: deps.fingerprintOf(knock.publicKey),
  });

  function admitted(): ReadonlyMap<PublicKey, NodeName> {
    const keys = new Map<PublicKey, NodeName>();
    for (const { name, publicKey, admission } of keeper.state.nodes.values())
      if (admission === 'accepted') keys.set(publicKey, name);
    return keys;
  }

  const admit = (): Promise<void> => hub.admit(admitted());

  async function watchDoor(): Promise<void> {
    const nowMs = clock.now();
    const canJoin =
      waitUntilMs > nowMs ||
      [...keeper.state.invites.values()].some(({ expiresAtMs }) => expiresAtMs > nowMs);
    if (!canJoin && isOpen) {
      isOpen = false;
      waiting.clear();
      await door.close();
    } else if (canJoin && !isOpen) {
      await door.reopen();
      isOpen = true;
    }
  }

  async function tick(): Promise<void> {
    for await (const _ of clock.ticks(doorMs, stopping.signal)) {
      await watchDoor().catch((error: unknown) =>
        logger.error({ err: error }, 'enrolment port could not follow the tokens'),
      );
    }
  }

  async function change(
    actor: Actor,
    decide: (state: MeshState) => Transition,
  ): Promise<MeshState> {
    const state = await keeper.change(actor, (before) => {
      const next = decide(before);
      return { ...next, result: next.state };
    });
    await admit();
    return state;
  }

  return {
    name: 'node admissions',
    admitted,
    async start() {
      await watchDoor();
      ticking = tick();
    },
    async stop() {
      stopping.abort(new Error('node admissions is stopping'));
      await ticking;
      if (isOpen) await door.close();
    },
    pending: waiting.list,
    async acceptLocal(keys, actor) {
      const accepted: string[] = [];
      for (const key of keys) {
        try {
          await keeper.change(actor, (state) => ({
            ...acceptKey(state, toApplicant(key), { isLocal: true }),
            result: undefined,
          }));
          accepted.push(key.node);
        } catch (error) {
          logger.error({ node: key.node, err: error }, 'own node was not accepted');
        }
      }
      await admit();
      return accepted;
    },
    async invite(ask, actor) {
      const addresses = await door.open(ask.addresses);
      isOpen = true;
      const fingerprint = deps.fingerprintOf(deps.serverKey);
      const about = { addresses: [...addresses], serverKey: deps.serverKey, fingerprint };
      const expiresAtMs = clock.now() + ask.ttlMs;
      if (ask.pending) {
        waitUntilMs = Math.max(waitUntilMs, expiresAtMs);
        waiting.forgive();
        return { ...about, expiresInMs: ask.ttlMs };
      }
      const id = Buffer.from(deps.random.bytes(8)).toString('hex');
      const secret = Buffer.from(deps.random.bytes(32)).toString('base64url');
      const { name: node, uses } = ask;
      await change(actor, (state) =>
        addInvite(
          state,
          { id, secretHash: hashSecret(secret), node, uses, usedBy: [], expiresAtMs },
          clock.now(),
        ),
      );
      const { serverKey } = deps;
      const token = encodeToken({
        id,
        secret,
        addresses: [...addresses],
        serverKey,
        node,
        expiresAtMs,
        uses,
      });
      return { ...about, token, expiresInMs: ask.ttlMs };
    },
    async knock(knock) {
      const applicant = toApplicant(knock);
      const actor: Actor = { kind: 'node', name: knock.node };
      const { token } = knock;
      if (token !== undefined) {
        const shown = { id: token.id, secretHash: hashSecret(token.secret) };
        await change(actor, (state) => spendInvite(state, applicant, shown, clock.now()));
        waiting.remove(knock.publicKey);
        return;
      }
      const known = keeper.state.nodes.get(knock.node);
      if (known?.publicKey === knock.publicKey && known.admission === 'accepted') return;
      if (waitUntilMs <= clock.now()) {
        throw new MeshError(
          'MESH_JOIN_CLOSED',
          'nobody waits for keys without a token now; mesh node invite --pending opens the door',
        );
      }
      const { node, publicKey, address } = knock;
      const { fingerprint } = applicant;
      if (waiting.add({ node, publicKey, address, fingerprint }))
        deps.recorder.record(actor, { kind: 'node.waiting', node, fingerprint });
      throw new MeshError(
        'MESH_JOIN_PENDING',
        `the key ${fingerprint} waits; on the Main PC compare it and type: mesh node accept ${knock.node} FINGERPRINT`,
        { details: { fingerprint } },
      );
    },
    async act(name, { act, fingerprint }, actor) {
      switch (act) {
        case 'accept':
        case 'rekey': {
          const key = waiting.find(name, fingerprint);
          const applicant = toApplicant(key);
          const state = await change(actor, (before) =>
            act === 'accept'
              ? acceptKey(before, applicant, { isLocal: false })
              : rekeyNode(before, applicant),
          );
          waiting.remove(key.publicKey);
          const verb = act === 'accept' ? 'accepted' : 're-keyed';
          const message = `${verb} ${name} with key ${key.fingerprint}`;
          return { revision: state.revision, message, affected: [name] };
        }
        case 'reject': {
          const key = waiting.find(name, fingerprint);
          waiting.reject(key.publicKey);
          const message = `sent away ${name} with key ${key.fingerprint}`;
          return { revision: keeper.state.revision, message, affected: [name] };
        }
        case 'revoke':
          return expel(getNode(keeper.state, name), 'revoked', { ...deps, actor, admit });
        case 'remove':
          return expel(getNode(keeper.state, name), 'removed', { ...deps, actor, admit });
        case 'cordon':
        case 'uncordon': {
          const node = getNode(keeper.state, name).name;
          const state = await change(actor, (before) => cordonNode(before, node, act === 'cordon'));
          const message =
            act === 'cordon' ? `${name} takes nothing new` : `${name} takes new agents again`;
          return { revision: state.revision, message, affected: [name] };
        }
        default:
          return act satisfies never;
      }
    },
  };
}

function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
