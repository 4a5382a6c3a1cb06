/** Looks up `${NAME}`; undefined when the name is unknown. */
export type Lookup = (name: string) => string | undefined;

const reference = /\$\$|\$\{([^}]*)\}/g;

/**
 * Replaces `${port.NAME}`, `${node.name}`, `${node.var.NAME}`, `${fleet.dir}`, ... in one text; `$$` is a dollar.
 *
 * A name that `lookup` does not know stays as it is and is listed in `unknown`.
 */
export function interpolate(
  text: string,
  lookup: Lookup,
): { readonly text: string; readonly unknown: readonly string[] } {
  const unknown: string[] = [];
  const result = text.replace(reference, (whole, name: string | undefined) => {
    if (name === undefined) return '$';
    const value = lookup(name);
    if (value !== undefined) return value;
    unknown.push(name);
    return whole;
  });
  return { text: result, unknown };
}

/** Names of all `${NAME}` references in one text. */
export function referencesIn(text: string): readonly string[] {
  return [...text.matchAll(reference)].flatMap((match) =>
    match[1] === undefined ? [] : [match[1]],
  );
}
