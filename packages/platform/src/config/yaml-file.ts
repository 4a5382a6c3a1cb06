import { LineCounter, isMap, isScalar, parseDocument } from 'yaml';

/** Where a value stands in a document: keys and indexes from its root. */
export type ValuePath = readonly (string | number)[];

/** A YAML (or JSON) text, decoded, that still knows its lines. */
export interface YamlFile {
  /** The decoded value; undefined for an empty text or one that is not YAML. */
  readonly value: unknown;
  /** What is wrong with the text as YAML; duplicate keys count. */
  readonly problems: readonly { readonly line: number; readonly reason: string }[];
  /** Line (from 1) of the key or item at `path`, or of the nearest thing around it that exists. */
  lineOf(path: ValuePath): number;
}

/** Decodes YAML 1.2; aliases are allowed up to 100 uses, so a small text cannot become a huge value. */
export function parseYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems = document.errors.map((error) => ({
    line: lines.linePos(error.pos[0]).line,
    reason: error.message,
  }));

  return {
    value: problems.length > 0 ? undefined : (document.toJS({ maxAliasCount: 100 }) ?? undefined),
    problems,
    lineOf(path) {
      for (let length = path.length; length > 0; length -= 1) {
        const offset = offsetOf(document, path.slice(0, length));
        if (offset !== undefined) return lines.linePos(offset).line;
      }
      return 1;
    },
  };
}

/** Of a map's entry the key's place, since the value may stand lines below. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: ValuePath): number | undefined {
  const parent: unknown =
    path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    for (const { key } of parent.items) {
      if (isScalar(key) && String(key.value) === String(path.at(-1))) return key.range?.[0];
    }
    return undefined;
  }
  const node = document.getIn(path, true);
  return isScalar(node) || isMap(node) ? node.range?.[0] : undefined;
}
