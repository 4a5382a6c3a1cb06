/** The page people open: `GET /?q=WORDS` searches through the librarian and shows what the machine does. */
import { call, CallError, serve, type Json } from './lib/http-service.ts';

interface Hit {
  readonly path: string;
  readonly node: string;
  readonly title: string;
  readonly snippet: string;
}

const lookEveryMs = 5000;
const counts = { work: 0, calls: 0, failed: 0 };
const startedAtMs = performance.now();
let documents: Json = {};
let numbers: Json = {};
let isReady = false;

/** Takes a new look at the agents behind the desk; the desk is ready after the first one that works. */
async function look(): Promise<void> {
  const [librarian, roller, suggester] = await Promise.all([
    call('librarian', 'stats'),
    call('metrics-roller', 'summary'),
    call('suggester', 'complete', { q: 'm', n: 1 }),
  ]);
  documents = asObject(librarian['documents']);
  numbers = asObject(roller['numbers']);
  isReady = Array.isArray(suggester['completions']);
  counts.work += 1;
}

async function lookAgain(): Promise<void> {
  try {
    await look();
  } catch (error) {
    counts.failed += 1;
    console.log(`cannot look: ${error instanceof Error ? error.message : String(error)}`);
  }
  setTimeout(() => void lookAgain(), isReady ? lookEveryMs : 200);
}

async function search(body: Json): Promise<Json> {
  counts.calls += 1;
  const [found, suggested] = await Promise.all([
    call('librarian', 'search', body),
    call('suggester', 'complete', { q: body['q'], n: 5 }),
  ]);
  return { ...found, completions: suggested['completions'] };
}

async function page(query: URLSearchParams): Promise<string> {
  const q = query.get('q') ?? '';
  const found = q.trim() === '' ? { hits: [] } : await search({ q });
  const hits = (found['hits'] as readonly Hit[]).map(
    ({ path, node, title, snippet }) =>
      `<li><b>${escape(title)}</b> <small>${escape(path)} on ${escape(node)}</small><br>${escape(snippet)}`,
  );
  const shards = Object.entries(documents).map(
    ([shard, held]) => `${escape(shard)}: ${escape(held)}`,
  );
  const measured = Object.entries(numbers).map(
    ([name, value]) => `<li>${escape(name)}: ${escape(asObject(value)['mean'])}`,
  );
  return `<!doctype html><meta charset="utf-8"><title>Front desk</title>
<form><input name="q" value="${escape(q)}" autofocus><button>Search</button></form>
<ol>${hits.join('')}</ol><p>Documents: ${shards.join(', ')}</p><ul>${measured.join('')}</ul>`;
}

/** Searches as a visitor does. */
async function health(): Promise<Json> {
  if (!isReady) throw new CallError(503, 'waits for librarian, metrics-roller and suggester');
  await call('librarian', 'search', { q: 'readme', limit: 1 });
  return { status: 'ok', agent: process.env['MESH_AGENT'] ?? 'front-desk' };
}

function stats(): Json {
  const uptimeSeconds = Math.round((performance.now() - startedAtMs) / 1000);
  return { agent: process.env['MESH_AGENT'], unit: 'looks around', ...counts, uptimeSeconds };
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function escape(value: unknown): string {
  return String(value).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

await serve({
  actions: new Map<string, (body: Json) => Promise<Json> | Json>([
    ['ping', () => ({ pong: process.env['MESH_AGENT'] ?? 'front-desk' })],
    ['health', health],
    ['stats', stats],
    ['search', search],
  ]),
  page,
});
await lookAgain();
