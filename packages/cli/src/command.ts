import type { z } from 'zod';
import type { ApiClient } from './api-client.ts';
import type { MeshDir } from './mesh/find-mesh.ts';
import type { Terminal } from './output/terminal.ts';

/** One option of a command: `--name VALUE`, or a switch. */
export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** Placeholder in help, for options with a value. */
  readonly value?: string;
  readonly help: string;
}

/** What a command gets. Nothing else of the process is visible to it. */
export interface CommandContext {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly cwd: string;
  /** Name of this machine. */
  readonly host: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  /** Aborts at the first Ctrl-C, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Aborts when nobody reads standard output any more. */
  readonly unread: AbortSignal;
  /** All of standard input, for `-`. */
  readStdin(): Promise<string>;
  /** The mesh this call is about. Throws `MESH_NOT_FOUND_HERE`. */
  meshDir(): Promise<MeshDir>;
  /** Client of its main node. Throws `MESH_UNREACHABLE` when that is not running. */
  api(): Promise<ApiClient>;
  /** Prints a result in the chosen form: `table` renders it for people, json and yaml print the value as its schema. */
  print<Value>(schema: z.ZodType<Value>, value: Value, table: (value: Value) => string): void;
  /** The same for one of many that follow each other: a line of JSON, or a YAML document. */
  printItem<Value>(schema: z.ZodType<Value>, value: Value, table: (value: Value) => string): void;
}

/** Blocks of `mesh --help`. */
export type Block = 'Every day' | 'Set up' | 'Operate';

/** One command of the table: all that help, docs, completion and the parser need. */
export interface Command {
  /** Words after `mesh`: `node invite`. */
  readonly path: string;
  readonly block: Block;
  readonly summary: string;
  /** Positionals in help form: `NAME [ACTION]`. */
  readonly args: string;
  readonly minArgs: number;
  readonly maxArgs: number;
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly string[];
  /** What `-o json` and `-o yaml` print. */
  readonly answer: z.ZodType;
  /** Returns the exit code; throws `MeshError` for failures. */
  run(context: CommandContext): Promise<number>;
}
