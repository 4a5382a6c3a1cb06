/** The board of the second PC: what its own reports say, and what the whole mesh knows of it: `board`, `note {text}`. */
import { connectAgent } from '@meshwork/agent-sdk';
import { z } from 'zod';

import { ask, Report, runAgent } from './lib/run-agent.ts';

const maxNotes = 50;
const Found = z.object({
  hits: z.array(z.object({ path: z.string(), node: z.string(), title: z.string() })),
  missing: z.array(z.object({ shard: z.string(), reason: z.string() })),
});

const agent = await connectAgent();
const notes: string[] = [];
let digest: z.infer<typeof Report> = { title: '', lines: [] };
let found: z.infer<typeof Found> = { hits: [], missing: [] };

agent.action('board', { input: z.object({}) }, () => ({ digest, notes, related: found }));
agent.action('note', { input: z.object({ text: z.string().min(1).max(500) }) }, ({ text }) => {
  notes.push(text);
  notes.splice(0, notes.length - maxNotes);
  return { notes: notes.length };
});

await runAgent(agent, {
  unit: 'looks at both nodes',
  everyMs: 5000,
  async work() {
    digest = await ask(agent, 'pc2-digest', 'report', { answer: Report });
    // The newest note is what people care about; it is looked for on every node.
    const q = notes.at(-1) ?? digest.title;
    found = await ask(agent, 'librarian', 'search', { args: { q, limit: 5 }, answer: Found });
    agent.progress(`${found.hits.length} hits for ${q}`);
    return 1;
  },
  details: () => ({ notes: notes.length, missing: found.missing.map(({ shard }) => shard) }),
});
