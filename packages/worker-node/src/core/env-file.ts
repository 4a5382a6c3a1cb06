/** The variables of an envFile, or what is wrong with it. Problems name lines, never what stands in them. */
export interface EnvFileParse {
  readonly env: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
}

const line = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/;

/**
 * Reads `NAME=VALUE` lines as shells and docker compose write them.
 *
 * Empty lines and lines that begin with `#` are skipped, `export` before a name is allowed. A value in single quotes is
 * taken as it is, one in double quotes with `\n`, `\t`, `\"`, `\\` and `\$`; nothing is expanded. `MESH_` names are the mesh's.
 */
export function parseEnvFile(text: string): EnvFileParse {
  const env: Record<string, string> = {};
  const problems: string[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const trimmed = raw.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const [, name, rest = ''] = line.exec(trimmed) ?? [];
    const value = name === undefined ? undefined : parseValue(rest);
    if (name === undefined || value === undefined) {
      problems.push(`line ${index + 1} is not NAME=VALUE`);
    } else if (name.startsWith('MESH_')) {
      problems.push(
        `line ${index + 1} sets ${name}: names that begin with MESH_ are set by the mesh`,
      );
    } else {
      env[name] = value;
    }
  }
  return { env, problems };
}

/** Undefined when a quote is not closed, or something stands behind it. */
function parseValue(text: string): string | undefined {
  const quote = text[0];
  if (quote !== '"' && quote !== "'") return text.replace(/\s+#.*$/, '');
  const pattern = quote === "'" ? /^'([^']*)'\s*(?:#.*)?$/ : /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/;
  const inner = pattern.exec(text)?.[1];
  if (inner === undefined || quote === "'") return inner;
  return inner.replace(/\\(.)/g, (whole, char: string) => escapes.get(char) ?? whole);
}

const escapes = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['"', '"'],
  ['\\', '\\'],
  ['$', '$'],
]);
