import type { Command } from '../command.ts';
import { agentActCommands, agentListCommand, agentShowCommand } from './agent.ts';
import { callCommand } from './call.ts';
import { configCheckCommand, configShowCommand } from './config.ts';
import { doctorCommand } from './doctor.ts';
import { downCommand } from './down.ts';
import { eventsCommand } from './events.ts';
import { applyCommand, exportCommand, planCommand, removeCommand } from './fleet.ts';
import { joinCommand } from './join.ts';
import { logsCommand } from './logs.ts';
import { nodeActCommands, nodeInviteCommand, nodeListCommand, nodeShowCommand } from './node.ts';
import { pingCommand } from './ping.ts';
import { startCommand } from './start.ts';
import { statusCommand } from './status.ts';
import { upCommand } from './up.ts';

/** Every command of `mesh`, in the order of its help. */
export const commands: readonly Command[] = [
  statusCommand,
  pingCommand,
  agentListCommand,
  agentShowCommand,
  ...agentActCommands,
  logsCommand,
  callCommand,
  eventsCommand,
  startCommand,
  upCommand,
  downCommand,
  joinCommand,
  planCommand,
  applyCommand,
  removeCommand,
  exportCommand,
  nodeListCommand,
  nodeShowCommand,
  nodeInviteCommand,
  ...nodeActCommands,
  configCheckCommand,
  configShowCommand,
  doctorCommand,
];
