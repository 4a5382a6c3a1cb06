/** The value that an answer's text stands for: JSON where it is JSON, else the text itself; nothing at all is `null`. */
export function parseAnswer(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** What an agent says about a failure: its `message` or `error` field, else its whole text, cut to a few lines. */
export function toAgentText(text: string): string {
  const value = parseAnswer(text);
  if (typeof value === 'object' && value !== null) {
    for (const key of ['message', 'error', 'detail']) {
      const said: unknown = (value as Record<string, unknown>)[key];
      if (typeof said === 'string') return said.slice(0, MAX_TEXT_CHARS);
    }
  }
  return text.trim().slice(0, MAX_TEXT_CHARS);
}

const MAX_TEXT_CHARS = 1000;
