import type { InstanceId, NodePing } from '@meshwork/shared';
import type { z } from 'zod';
import { claimedPart } from '../core/instance-state.ts';
import type { Instance } from './instance.ts';
import type { Prober } from './ports.ts';

type PingAnswer = z.infer<typeof NodePing.answer>['instances'][number];

/** Probes one instance now; where none is declared, says whether its process lives. Never rejects. */
export async function pingInstance(
  id: InstanceId,
  instance: Instance | undefined,
  options: { readonly timeoutMs: number; readonly prober: Prober },
): Promise<PingAnswer> {
  const no = (detail: string): PingAnswer => ({ instance: id, ok: false, durationMs: 0, detail });
  if (instance === undefined) return no('no such instance on this node');
  const { status } = claimedPart(instance.state);
  if (status !== 'running' && status !== 'ready') return no(status);
  const { health } = instance.assigned.spec;
  if (health === undefined) {
    const detail = 'no probe is declared: its process is alive';
    return { instance: id, ok: true, durationMs: 0, detail };
  }
  const target = { instance: id, ports: instance.ports };
  const timeoutMs = Math.min(options.timeoutMs, health.timeout);
  const { ok, durationMs, detail } = await options.prober.probe(target, health, { timeoutMs });
  const said = detail === undefined ? {} : { detail };
  return { instance: id, ok, durationMs, ...said };
}
