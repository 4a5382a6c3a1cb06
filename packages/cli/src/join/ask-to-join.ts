import {
  createSystemRandom,
  createZmqTransport,
  enrol,
  fingerprint,
  type EnrolOutcome,
} from '@meshwork/platform';
import {
  fromErrorBody,
  MeshError,
  release,
  type Clock,
  type EnrolAnswer,
  type KeyPair,
  type NodeName,
} from '@meshwork/shared';
import type { Progress } from '../output/progress.ts';
import type { Invitation } from './read-invitation.ts';

/** Who asks, with what. */
export interface AskToJoinOptions {
  readonly invitation: Invitation;
  readonly node: NodeName;
  readonly keys: KeyPair;
  /** What people see of this machine before they accept it. */
  readonly facts: Readonly<Record<string, string>>;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What a mesh said that let us in. */
export interface Admission {
  readonly answer: EnrolAnswer;
  /** The address of the enrolment port that answered. */
  readonly address: string;
}

/** How often a waiting key asks again, ms. */
const askAgainMs = 2000;

/**
 * Asks the main node to let this key in; where a person decides, waits for that until the signal aborts.
 *
 * Throws `MESH_UNREACHABLE` with a reason per address, the main node's refusal, or `MESH_JOIN_PENDING` when the wait was ended.
 */
export async function askToJoin(options: AskToJoinOptions): Promise<Admission> {
  const { clock, invitation, progress, signal } = options;
  let isWaiting = false;
  for (;;) {
    const outcome = await askOnce(options, isWaiting);
    if (outcome.status === 'answered') {
      const { answer, address } = outcome;
      if (answer.status === 'accepted') return { answer, address };
      if (answer.status === 'refused') throw toRefusal(answer);
      if (!isWaiting) progress.note(waitingText(options));
      isWaiting = true;
    } else if (!isWaiting) throw toUnreachable(invitation, outcome, clock.now());
    progress.show(
      outcome.status === 'answered'
        ? 'waiting until the Main PC accepts this key; Ctrl-C ends the wait'
        : 'the main node does not answer now; asking on',
    );
    await clock.sleep(askAgainMs, signal).catch(() => {
      throw stillWaiting(options.node);
    });
  }
}

async function askOnce(options: AskToJoinOptions, isWaiting: boolean): Promise<EnrolOutcome> {
  const { clock, facts, invitation, keys, node, progress, signal } = options;
  const { addresses, serverKey, token } = invitation;
  if (!isWaiting) progress.show(`asking ${addresses.join(', ')} to let ${node} in`);
  try {
    return await enrol(
      { transport: createZmqTransport(), clock, random: createSystemRandom() },
      {
        addresses,
        serverKey,
        keys,
        node,
        release,
        facts,
        ...(token === undefined ? {} : { token }),
      },
      signal,
    );
  } catch (error) {
    if (!signal.aborted) throw error;
    if (isWaiting) throw stillWaiting(node);
    throw new MeshError(
      'MESH_STOPPING',
      `joining as ${node} was interrupted; the same command goes on`,
    );
  }
}

function waitingText({ keys, node }: AskToJoinOptions): string {
  const print = fingerprint(keys.publicKey);
  return `the key of ${node} waits for a person; its fingerprint is ${print}\n   On the Main PC compare it and type: mesh node accept ${node} ${print}`;
}

function stillWaiting(node: NodeName): MeshError {
  return new MeshError(
    'MESH_JOIN_PENDING',
    `${node} was not accepted yet; the same command waits again, with the same key`,
  );
}

function toRefusal({ code, message }: EnrolAnswer): MeshError {
  return fromErrorBody({
    code: code ?? 'MESH_JOIN_REFUSED',
    message: message ?? 'the main node let this key not in, and did not say why',
  });
}

function toUnreachable(
  { addresses, expiresAtMs }: Invitation,
  outcome: Extract<EnrolOutcome, { status: 'failed' }>,
  nowMs: number,
): MeshError {
  const problems = outcome.attempts.map(({ message }) => ({ reason: message }));
  if (expiresAtMs !== undefined && expiresAtMs < nowMs) {
    const when = new Date(expiresAtMs).toISOString();
    return new MeshError(
      'MESH_JOIN_REFUSED',
      `the join token expired at ${when}, by this machine's clock; mesh node invite on the Main PC prints a new one`,
      { details: { problems } },
    );
  }
  const count = `${addresses.length} address${addresses.length === 1 ? '' : 'es'}`;
  return new MeshError('MESH_UNREACHABLE', `no main node answers at ${count} of the invitation`, {
    details: { problems },
  });
}
