/** Sees what the documents read most lately are about: `rising {n}`, `report`. Each turn it asks for the newest keywords. */
import { connectAgent } from '@meshwork/agent-sdk';
import { z } from 'zod';

import { ask, runAgent } from './lib/run-agent.ts';

const maxTerms = 500;
const keepRatio = 0.98;
const Latest = z.object({
  latest: z.object({
    path: z.string().optional(),
    keywords: z.array(z.object({ term: z.string(), weight: z.number() })).optional(),
  }),
});

const agent = await connectAgent();
const heat = new Map<string, number>();
let lastPath = '';
let lastTerms = '';
let isNoted = false;

/** Terms cool with every turn, so that what stands out for long comes before what did once. */
function warm(terms: readonly string[]): void {
  for (const [term, value] of heat) {
    if (value < 0.01) heat.delete(term);
    else heat.set(term, value * keepRatio);
  }
  for (const term of terms) {
    if (heat.has(term) || heat.size < maxTerms) heat.set(term, (heat.get(term) ?? 0) + 1);
  }
}

function hottest(n: number): readonly { readonly term: string; readonly heat: number }[] {
  return [...heat]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, n)
    .map(([term, value]) => ({ term, heat: Math.round(value * 1000) / 1000 }));
}

async function noteStart(): Promise<void> {
  const args = { source: 'trends', text: `starts on ${agent.node}` };
  await ask(agent, 'event-log', 'append', { args, answer: z.object({ number: z.number() }) });
  isNoted = true;
}

const Count = z.object({ n: z.int().min(1).max(100).default(10) });
agent.action('rising', { input: Count }, ({ n }) => ({ terms: hottest(n) }));
agent.action('report', { input: z.object({}) }, () => ({
  title: `trends: ${heat.size} terms, the last ones in ${lastPath}`,
  lines: hottest(10).map(({ term, heat: value }) => `${term}: ${value}`),
}));

await runAgent(agent, {
  unit: 'looks at the newest keywords',
  everyMs: 4000,
  async work() {
    if (!isNoted) await noteStart();
    const { latest } = await ask(agent, 'keywords', 'latest', { answer: Latest });
    const terms = (latest.keywords ?? []).map(({ term }) => term);
    // The same passage is not counted twice where this asks faster than that reads.
    warm(terms.join() === lastTerms ? [] : terms);
    lastPath = latest.path ?? lastPath;
    lastTerms = terms.join();
    return 1;
  },
});
