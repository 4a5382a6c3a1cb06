import { MeshError } from '@meshwork/shared';
import type { Door } from '../services/node-admissions.ts';

/** A door that never opens. */
export function createClosedDoor(): Door {
  const closed = (): never => {
    throw new MeshError('MESH_JOIN_CLOSED', 'this main node cannot open its enrolment port');
  };
  return { open: async () => closed(), close: async () => {}, writeToken: closed };
}
