import { MeshError, linkLimits, type LinkAnswer } from '@meshwork/shared';
import { AgentError } from './agent-error.ts';

/** What a thrown value looks like on the link: code and message, never a stack. */
export function toLinkError(thrown: unknown): NonNullable<LinkAnswer['error']> {
  if (thrown instanceof AgentError || thrown instanceof MeshError) {
    const { code, details } = thrown;
    const message = cut(thrown.message);
    return details === undefined ? { code, message } : { code, message, details: { ...details } };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'MESH_AGENT_FAILED', message: cut(message) };
}

function cut(text: string): string {
  return text.slice(0, linkLimits.textChars);
}
