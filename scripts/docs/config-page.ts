import type { ConfigKeyDoc } from '@meshwork/platform';

import { toCode, toNotice, toTable } from './markdown.ts';

/** The keys of one daemon's config. */
export interface ConfigSection {
  readonly title: string;
  /** The shipped file with the defaults. */
  readonly file: string;
  readonly keys: readonly ConfigKeyDoc[];
}

/** One table a daemon, in the order of its schema. */
export function renderConfig(sections: readonly ConfigSection[]): string {
  return [
    toNotice('the config schemas in packages/shared/src/config'),
    '# Configuration',
    '',
    'Each daemon reads its settings from, weakest first: the defaults below, `config.yaml` in its data',
    'directory, the environment overlay beside it, `MESH_...` variables, flags (`--http.port 8081`).',
    'Unknown keys are refused; all problems are told at once, each with its path. `mesh config check`',
    'tries the files of a mesh, `mesh config show` prints what holds and what set it.',
    '',
    'Durations are written `500ms`, `1.5s`, `5m`, `1h`, `7d`; sizes `64KiB`, `512MiB`, `6GiB`.',
    '',
    ...sections.flatMap(renderSection),
  ].join('\n');
}

function renderSection({ title, file, keys }: ConfigSection): readonly string[] {
  return [
    `## ${title}`,
    '',
    `Shipped as \`${file}\`.`,
    '',
    ...toTable(
      ['Key', 'Default', 'Type', 'Variable', 'Meaning'],
      keys.map(({ path, default: fallback, type, variable, doc }) => [
        toCode(path),
        toCode(toText(fallback)),
        type,
        toCode(variable),
        doc,
      ]),
    ),
    '',
  ];
}

function toText(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
