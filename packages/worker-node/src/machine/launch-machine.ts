import { MeshError } from '@meshwork/shared';
import type { AgentAccount, LaunchMachine } from '../services/launcher.ts';
import { readEnvFile } from './env-file.ts';
import { isPortFree } from './port-use.ts';

/** What is known of this machine. */
export interface LaunchMachineDeps {
  /** The account that the daemon runs as. */
  readonly self: { readonly name: string; readonly home: string; readonly uid: number };
  readonly inherited: Readonly<Record<string, string>>;
  findAccount(
    name: string,
  ): Promise<
    | { readonly name: string; readonly uid: number; readonly gid: number; readonly home: string }
    | undefined
  >;
  /** In words, who listens on a port that is taken. */
  describeHolder(port: number): Promise<string>;
}

/** Accounts, envFiles and ports of this machine, for launches. */
export function createLaunchMachine(deps: LaunchMachineDeps): LaunchMachine {
  const { self } = deps;
  return {
    inherited: deps.inherited,
    async account(user) {
      if (user === undefined || user === self.name) return { name: self.name, home: self.home };
      const account = await deps.findAccount(user);
      if (account !== undefined) return account;
      throw new MeshError('MESH_USER_UNKNOWN', `there is no account ${user} on this machine`, {
        details: { user },
      });
    },
    readEnvFile(path: string, account: AgentAccount) {
      return readEnvFile(path, new Set([0, self.uid, account.uid ?? self.uid]));
    },
    async portHolder(port) {
      return (await isPortFree(port)) ? undefined : deps.describeHolder(port);
    },
  };
}
