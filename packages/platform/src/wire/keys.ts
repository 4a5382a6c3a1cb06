import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto';
import {
  MeshError,
  decodeZ85,
  encodeZ85,
  toClaimText,
  type HelloClaim,
  type KeyPair,
} from '@meshwork/shared';

/** DER around the 32 bytes of an X25519 key (RFC 8410). */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

/** Makes a new Curve25519 key pair, for CURVE and for proofs. */
export function mintKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  return {
    publicKey: encodeZ85(rawBytes(publicKey.export({ format: 'der', type: 'spki' }))),
    secretKey: encodeZ85(rawBytes(privateKey.export({ format: 'der', type: 'pkcs8' }))),
  };
}

/** The public half of a secret key. Throws `MESH_INPUT_INVALID` for text that is no key. */
export function publicKeyOf(secretKey: string): string {
  const publicKey = createPublicKey(toPrivateKey(secretKey));
  return encodeZ85(rawBytes(publicKey.export({ format: 'der', type: 'spki' })));
}

/** What people compare, as one word: the first 32 hex digits of the key's SHA-256, in 8 groups joined by dashes. */
export function fingerprint(publicKey: string): string {
  const digest = createHash('sha256').update(keyBytes(publicKey)).digest('hex');
  return (digest.slice(0, 32).match(/.{4}/g) ?? []).join('-');
}

/** Proves a claim to the holder of `claim.serverKey`; hex. Throws `MESH_INPUT_INVALID` for text that is no key. */
export function proveHello(secretKey: string, claim: HelloClaim): string {
  return sign(secretKey, claim.serverKey, claim).toString('hex');
}

/** Whether the proof was made by the holder of `claim.publicKey`, for this very claim. Never throws. */
export function checkHello(serverSecretKey: string, claim: HelloClaim, proof: string): boolean {
  try {
    const expected = sign(serverSecretKey, claim.publicKey, claim);
    const given = Buffer.from(proof, 'hex');
    return given.length === expected.length && timingSafeEqual(given, expected);
  } catch {
    return false;
  }
}

/** What a key proves at the enrolment port; of no use in a hello. */
export function enrolClaim(
  routingId: Uint8Array,
  node: string,
  publicKey: string,
  serverKey: string,
): HelloClaim {
  return {
    routingId: Buffer.from(routingId).toString('hex'),
    node,
    role: 'enrol',
    incarnation: 0,
    publicKey,
    serverKey,
  };
}

/** HMAC-SHA256 under HKDF(X25519(one's secret, other's public)): both ends get the same, nobody else can. */
function sign(secretKey: string, otherPublicKey: string, claim: HelloClaim): Buffer {
  const shared = diffieHellman({
    privateKey: toPrivateKey(secretKey),
    publicKey: createPublicKey({
      key: Buffer.concat([PUBLIC_PREFIX, keyBytes(otherPublicKey)]),
      format: 'der',
      type: 'spki',
    }),
  });
  const key = hkdfSync('sha256', shared, Buffer.alloc(0), 'meshwork hello proof', 32);
  return createHmac('sha256', Buffer.from(key)).update(toClaimText(claim)).digest();
}

function toPrivateKey(secretKey: string): KeyObject {
  const key = Buffer.concat([PRIVATE_PREFIX, keyBytes(secretKey)]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function keyBytes(key: string): Uint8Array {
  const bytes = decodeZ85(key);
  if (bytes?.length !== 32) {
    throw new MeshError('MESH_INPUT_INVALID', 'a key is 40 characters of Z85');
  }
  return bytes;
}

function rawBytes(der: Buffer): Buffer {
  return der.subarray(-32);
}
