import type { HealthReport } from '@meshwork/shared';

/** One line of `mesh doctor`: what was looked at, whether it is well, and what was seen or how to mend it. */
export type Finding = HealthReport['checks'][number];

/** A finding. */
export function finding(name: string, healthy: boolean, message: string): Finding {
  return { name, healthy, message };
}
