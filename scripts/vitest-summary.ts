import { writeSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** How long one project may take in all, by its name. */
export type Budgets = ReadonlyMap<string, number>;

/** What one run came to, each test counted once. */
export interface Summary {
  readonly passed: number;
  /** Failed tests, failed hooks and files that did not load, errors outside of any test. */
  readonly failed: number;
  readonly skipped: readonly string[];
}

/**
 * A reporter whose last line is `N passed, N failed`, plus `, N skipped` when there are any.
 *
 * Skipped tests are listed by name with the reason they gave, projects with their duration and
 * budget. Tests left out by a name filter are not skipped: nobody asked for them. With `mustRunAll`
 * a skipped test fails the run.
 */
export function createSummaryReporter(
  budgetsMs: Budgets,
  options: { readonly mustRunAll: boolean } = { mustRunAll: false },
): Reporter {
  const startedAtMs = new Map<string, number>();
  const endedAtMs = new Map<string, number>();
  let isFiltered = false;
  let isWatching = false;
  return {
    onInit(vitest) {
      isFiltered = vitest.config.testNamePattern !== undefined;
      isWatching = vitest.config.watch;
    },
    onTestModuleStart(module) {
      const project = module.project.name;
      if (!startedAtMs.has(project)) startedAtMs.set(project, performance.now());
    },
    onTestModuleEnd(module) {
      endedAtMs.set(module.project.name, performance.now());
    },
    onTestRunEnd(modules, unhandledErrors) {
      const summary = summarize(modules, { unhandled: unhandledErrors.length, isFiltered });
      const durations = [...startedAtMs].map(([project, fromMs]) =>
        toDurationLine(
          project,
          (endedAtMs.get(project) ?? fromMs) - fromMs,
          budgetsMs.get(project),
        ),
      );
      const last = toLastLine(summary, options);
      const text = [...toSkippedLines(summary), ...durations, last, ''].join('\n');
      // At the very end, so that nothing the run still prints comes after the last line.
      if (isWatching) process.stdout.write(text);
      else process.once('exit', () => writeSync(1, text));
      if (options.mustRunAll && summary.skipped.length > 0) process.exitCode = 1;
    },
  };
}

/** Counts the tests of a run and everything that failed outside of one. */
export function summarize(
  modules: readonly TestModule[],
  options: { readonly unhandled: number; readonly isFiltered: boolean },
): Summary {
  let passed = 0;
  let failed = options.unhandled;
  const skipped: string[] = [];
  for (const module of modules) {
    const suites = [module, ...module.children.allSuites()];
    failed += suites.filter((suite) => suite.errors().length > 0).length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed += 1;
      else if (state === 'failed') failed += 1;
      else if (!options.isFiltered) skipped.push(toSkippedLine(module, test));
    }
  }
  return { passed, failed, skipped };
}

/** The line that a run ends with; where all must run, what did not run counts as failed. */
export function toLastLine(
  { passed, failed, skipped }: Summary,
  { mustRunAll }: { readonly mustRunAll: boolean },
): string {
  if (mustRunAll) return `${passed} passed, ${failed + skipped.length} failed`;
  const base = `${passed} passed, ${failed} failed`;
  return skipped.length === 0 ? base : `${base}, ${skipped.length} skipped`;
}

function toSkippedLine(module: TestModule, test: TestCase): string {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  return `${module.relativeModuleId} > ${test.fullName}: ${note ?? 'no reason given'}`;
}

function toSkippedLines({ skipped }: Summary): readonly string[] {
  return skipped.length === 0 ? [] : ['Skipped:', ...skipped.map((line) => `- ${line}`)];
}

function toDurationLine(project: string, tookMs: number, budgetMs: number | undefined): string {
  const took = `${project}: ${toSeconds(tookMs)}`;
  if (budgetMs === undefined) return took;
  return `${took} of ${toSeconds(budgetMs)}${tookMs > budgetMs ? ' OVER BUDGET' : ''}`;
}

function toSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
