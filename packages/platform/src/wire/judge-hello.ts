import {
  Hello,
  MeshError,
  pickProtocol,
  protocolRange,
  type ErrorBody,
  type KeyPair,
  type NodeName,
  type Peer,
  type PublicKey,
} from '@meshwork/shared';
import { checkHello } from './keys.ts';
import type { HelloOutcome } from './wire-metrics.ts';

/** What a hello is judged by. */
export interface HelloContext {
  readonly routingId: Uint8Array;
  readonly keys: KeyPair;
  readonly admitted: ReadonlyMap<PublicKey, NodeName>;
  /** Who is bound under this name and role now. */
  boundAs(name: NodeName, role: Peer['role']): Peer | undefined;
}

/** A proven hello, or why it is none. */
export type HelloJudgement =
  | { readonly ok: true; readonly hello: Hello; readonly peer: Peer; readonly protocol: number }
  | {
      readonly ok: false;
      readonly outcome: HelloOutcome;
      readonly error: ErrorBody;
      /** As claimed; empty for a hello that cannot be read. */
      readonly publicKey: string;
    };

/**
 * Judges one hello: its key is admitted for its name, its proof covers this very routing id, it is not older than
 * who is bound, and a protocol version is common.
 */
export function judgeHello(body: unknown, context: HelloContext): HelloJudgement {
  const parsed = Hello.body.safeParse(body);
  if (!parsed.success) return refuseHello('refused', 'the hello does not fit its schema', '');
  const hello = parsed.data;
  const { node: name, role, incarnation, publicKey, proof } = hello;
  const refuse = (outcome: HelloOutcome, message: string): HelloJudgement =>
    refuseHello(outcome, message, publicKey);
  if (context.admitted.get(publicKey) !== name) {
    return refuse('unknownKey', `the key of ${name} is not accepted under this name`);
  }
  const claim = {
    routingId: Buffer.from(context.routingId).toString('hex'),
    node: name,
    role,
    incarnation,
    publicKey,
    serverKey: context.keys.publicKey,
  };
  if (!checkHello(context.keys.secretKey, claim, proof)) {
    return refuse('badProof', `the proof of ${name} does not hold for this connection`);
  }
  const bound = context.boundAs(name, role);
  if (bound !== undefined && bound.incarnation > incarnation) {
    return refuse('outdated', `${name} is bound with the newer incarnation ${bound.incarnation}`);
  }
  const protocol = pickProtocol(protocolRange, hello.protocol);
  if (protocol === undefined) {
    const { min, max } = hello.protocol;
    return refuse(
      'protocol',
      `${name} speaks protocol ${min} to ${max}, this main node ${protocolRange.min} to ${protocolRange.max}; update the older of the two`,
    );
  }
  return { ok: true, hello, peer: { name, role, incarnation, publicKey }, protocol };
}

function refuseHello(outcome: HelloOutcome, message: string, publicKey: string): HelloJudgement {
  return {
    ok: false,
    outcome,
    publicKey,
    error: new MeshError('MESH_HELLO_REFUSED', message).toBody(),
  };
}
