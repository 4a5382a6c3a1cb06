/** What a benchmark prints as its last line. */
export interface BenchResult {
  /** The name it is run by. */
  readonly name: string;
  /** Measured numbers, by name with unit: `p99Ms`, `workerRssBytes`. */
  readonly figures: Readonly<Record<string, number>>;
  /** Measured against a peer in the same run, or a bound that must hold. */
  readonly ratios: Readonly<Record<string, number>>;
}

/** Prints the result as the one JSON object that ends a benchmark's output. */
export function printResult(result: BenchResult): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** Says what is wrong with `line` as the result of the benchmark `name`, or nothing. */
export function findResultProblem(name: string, line: string): string | undefined {
  let result: Partial<BenchResult>;
  try {
    result = JSON.parse(line) as Partial<BenchResult>;
  } catch {
    return `its last line is no JSON: ${line.slice(0, 200)}`;
  }
  if (result.name !== name) return `its result is named ${String(result.name)}`;
  for (const part of ['figures', 'ratios'] as const) {
    const numbers = result[part];
    if (typeof numbers !== 'object' || numbers === null) return `its result has no ${part}`;
    // JSON has no NaN or Infinity: they come out as null.
    const wrong = Object.entries(numbers).filter(([, value]) => typeof value !== 'number');
    if (wrong.length > 0) return `${part}.${wrong[0]?.[0]} is not a number`;
  }
  return undefined;
}
