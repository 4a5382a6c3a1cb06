import { HealthReport } from '@meshwork/shared';
import type { Command } from '../command.ts';

/** `mesh doctor`. */
export const doctorCommand: Command = {
  path: 'doctor',
  block: 'Set up',
  summary: 'What is wrong here, and how to mend it; works without a mesh too',
  args: '',
  minArgs: 0,
  maxArgs: 0,
  options: {},
  examples: ['mesh doctor', 'mesh doctor -o json'],
  answer: HealthReport,
  async run(context) {
    const { runDoctor } = await import('../doctor/run-doctor.ts');
    return runDoctor(context);
  },
};
