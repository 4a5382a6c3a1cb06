export type { Block, Command, OptionSpec } from './command.ts';
export { commands } from './commands/index.ts';
export { commonOptions } from './parse-args.ts';
