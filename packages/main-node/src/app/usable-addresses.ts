import { networkInterfaces } from 'node:os';
import { MeshError } from '@meshwork/shared';

/** Addresses of this machine that another one, or another network namespace, may reach; loopback last. */
export function listUsableAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = all
    .filter(({ internal, address }) => !internal && !isLinkLocal(address))
    .map(({ address }) => address);
  // IPv4 first: it is what people type and what routers let through.
  const ordered = usable.toSorted((a, b) => Number(a.includes(':')) - Number(b.includes(':')));
  return [...new Set([...ordered, '127.0.0.1'])];
}

/**
 * The addresses to listen on: the asked ones, or every usable one.
 *
 * Throws MESH_INPUT_INVALID for what is no address of this machine, naming those that are.
 */
export function pickAddresses(asked: readonly string[] | undefined): readonly string[] {
  const usable = listUsableAddresses();
  if (asked === undefined || asked.includes('0.0.0.0')) return usable;
  const unknown = asked.filter((address) => !usable.includes(address));
  if (unknown.length === 0) return asked;
  throw new MeshError(
    'MESH_INPUT_INVALID',
    `cannot listen on ${unknown.join(', ')}: this machine has ${usable.join(', ')}`,
    { details: { unknown, usable } },
  );
}

/** `HOST:PORT`, IPv6 in brackets. */
export function toHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function isLinkLocal(address: string): boolean {
  return address.startsWith('169.254.') || address.toLowerCase().startsWith('fe80:');
}
