/** Writes an issue when there is news, and leaves it in the mailbox: `issue`, `preview`. */
import { connectAgent } from '@meshwork/agent-sdk';
import { z } from 'zod';

import { ask, Report, runAgent } from './lib/run-agent.ts';

const sources = ['reading-list', 'mood-report'] as const;
const reader = 'readers';
const waitingAtMost = 50;
const Message = z.object({ number: z.number() });
const Waiting = z.object({ messages: z.array(Message) });

interface Issue {
  readonly number: number;
  readonly sections: readonly z.infer<typeof Report>[];
}

const agent = await connectAgent();
let issue: Issue = { number: 0, sections: [] };

async function gather(): Promise<Issue['sections']> {
  return Promise.all(sources.map((source) => ask(agent, source, 'report', { answer: Report })));
}

/** The mailbox keeps so many; readers who do not come lose the oldest issues first. */
async function makeRoom(): Promise<void> {
  const { messages } = await ask(agent, 'mailbox', 'receive', {
    args: { to: reader, n: 100 },
    answer: Waiting,
  });
  const oldest = messages.at(-waitingAtMost);
  if (oldest === undefined) return;
  const args = { to: reader, upTo: oldest.number };
  await ask(agent, 'mailbox', 'done', { args, answer: z.object({ waiting: z.number() }) });
}

async function publish(sections: Issue['sections']): Promise<void> {
  await makeRoom();
  const headline = sections.flatMap(({ lines }) => lines.slice(0, 1)).join(' | ');
  const args = { to: reader, text: headline.slice(0, 200) || 'nothing is new' };
  const { number } = await ask(agent, 'mailbox', 'send', { args, answer: Message });
  issue = { number, sections };
}

function firstLines(sections: Issue['sections']): string {
  return JSON.stringify(sections.map(({ lines }) => lines[0]));
}

agent.action('issue', { input: z.object({}) }, () => issue);
agent.action('preview', { input: z.object({}) }, async () => ({ sections: await gather() }));

await runAgent(agent, {
  unit: 'rounds at the sources',
  everyMs: 5000,
  async work() {
    const sections = await gather();
    const isNews = issue.number === 0 || firstLines(sections) !== firstLines(issue.sections);
    if (isNews) await publish(sections);
    return 1;
  },
  details: () => ({ issue: issue.number }),
});
