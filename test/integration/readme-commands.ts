import { readFile } from 'node:fs/promises';

/** The blocks of the README in which commands stand, by what they are about. */
export interface ReadmeCommands {
  /** With the example mesh running. */
  readonly example: readonly string[];
  /** In a folder with a fleet file of one's own. */
  readonly own: readonly string[];
  /** What starts the example, and all tests: the test of `start`, and the run that this is part of. */
  readonly elsewhere: readonly string[];
}

/** Reads every command of the README, and sorts it; fails when a block comes, goes or changes places. */
export async function readReadmeCommands(): Promise<ReadmeCommands> {
  const text = await readFile('README.md', 'utf8');
  const [tryIt, testIt, own, everyDay, ...more] = [
    ...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm),
  ].map(([, block = '']) =>
    block
      .split('\n')
      .map((line) => line.replace(/ +# .*$/, ''))
      .filter((line) => line !== ''),
  );
  if (everyDay === undefined || more.length > 0) throw new Error('the README has other blocks');
  const all = [...(tryIt ?? []), ...(testIt ?? []), ...everyDay];
  const isElsewhere = (command: string): boolean => command.startsWith('npx ');
  // The last command of a day is the last of the folder's own mesh, too.
  const isLast = (command: string): boolean => command === 'mesh down';
  return {
    example: all.filter((command) => !isElsewhere(command) && !isLast(command)),
    own: [...(own ?? []), ...all.filter(isLast)],
    elsewhere: all.filter(isElsewhere),
  };
}

/** Whether a command goes on until Ctrl-C. */
export function isFollowing(command: string): boolean {
  return / -f$|^mesh up$/.test(command);
}
