/**
 * `node scripts/golden.ts --write`: adds the golden frames that this release lacks; without `--write` only names them.
 *
 * Run by hand when a kind of message is new. A file that exists is what a release writes and is never changed: other
 * bytes for the same message are an incompatible release.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  currentRelease,
  goldenFolder,
  renderGoldenFiles,
  toText,
} from '../test/compat/golden-files.ts';

const isWrite = process.argv.includes('--write');
const release = currentRelease();
let changed = 0;
let missing = 0;
for (const [name, file] of renderGoldenFiles()) {
  const path = `${goldenFolder}/${release}/${name}`;
  const text = toText(file);
  if (!existsSync(path)) {
    missing += 1;
    console.log(`${isWrite ? 'written' : 'missing'}: ${release}/${name}`);
    if (!isWrite) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { flag: 'wx' });
  } else if (readFileSync(path, 'utf8') !== text) {
    changed += 1;
    console.log(`refused, ${release} writes other bytes: ${release}/${name}`);
  }
}
console.log(`${missing} ${isWrite ? 'written' : 'missing'}, ${changed} refused`);
process.exitCode = changed > 0 || (missing > 0 && !isWrite) ? 1 : 0;
