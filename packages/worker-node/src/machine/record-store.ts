import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InstanceId, type Logger } from '@meshwork/shared';
import { z } from 'zod';
import { InstanceRecord } from '../core/instance-record.ts';
import type { RecordStore } from '../services/instance-table.ts';

/** What this release writes; release N reads N-1. */
const FORMAT = 'mesh-instance';
const VERSION = 1;

const Wrapped = z.object({
  format: z.literal(FORMAT),
  version: z.int().max(VERSION),
  data: InstanceRecord,
});

const SUFFIX = '.json';

/**
 * One small file per instance in `dir`.
 *
 * Written at once and replaced as a whole, so it survives the daemon's death at any moment. Not forced to the disk: a power
 * cut is a reboot, after which only counts are lost. A file that cannot be read is logged and counts as absent.
 */
export function createRecordStore(dir: string, logger: Logger): RecordStore {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const toPath = (instance: string): string => join(dir, `${instance}${SUFFIX}`);
  return {
    load() {
      const records = new Map<InstanceId, InstanceRecord>();
      for (const name of readdirSync(dir)) {
        const instance = InstanceId.safeParse(name.slice(0, -SUFFIX.length));
        if (!name.endsWith(SUFFIX) || !instance.success) continue;
        try {
          const { data } = Wrapped.parse(JSON.parse(readFileSync(join(dir, name), 'utf8')));
          records.set(instance.data, data);
        } catch (err) {
          logger.warn({ instance: instance.data, err }, 'record of an instance cannot be read');
        }
      }
      return records;
    },
    save(instance, data) {
      const path = toPath(instance);
      const temporary = `${path}.tmp`;
      writeFileSync(temporary, JSON.stringify({ format: FORMAT, version: VERSION, data }), {
        mode: 0o600,
      });
      renameSync(temporary, path);
    },
    remove(instance) {
      rmSync(toPath(instance), { force: true });
    },
  };
}
