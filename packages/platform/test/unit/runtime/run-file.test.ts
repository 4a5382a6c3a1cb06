import { describe, expect, it } from 'vitest';
import { encodeRunHeader, parseRunFile } from '../../../src/runtime/run-file.ts';

const header = {
  id: 'agent.0',
  cookie: 'c0ffee',
  bootId: 'b',
  pidNamespace: 'n',
  isShellOutspoken: true,
  tag: { agent: 'agent' },
  log: { dir: '/log', segmentBytes: 65_536, maxSegments: 4 },
};
const stat = (pid: number, name: string): string =>
  `${pid} (${name}) R 1 2 3 0 -1 4194304 107 0 0 0 0 0 0 0 20 0 1 0 ${pid}00 2654208 401`;
const file = (...lines: string[]): string =>
  encodeRunHeader(header) + lines.map((line) => `${line}\n`).join('');

describe('a run file', () => {
  it('says who the shim, the pump and the program are, in whatever order they wrote', () => {
    const record = parseRunFile(
      file(`shim ${stat(10, 'dash')}`, `main ${stat(12, 'a) R 9 (b')}`, `pump ${stat(11, 'sh')}`),
    );
    expect(record).toMatchObject({
      header,
      shim: { pid: 10, startTicks: 1000 },
      pump: { pid: 11, startTicks: 1100 },
      main: { pid: 12, startTicks: 1200 },
    });
    expect(record).not.toHaveProperty('exit');
  });

  it('names the latest pump when the first was replaced', () => {
    const record = parseRunFile(file(`pump ${stat(11, 'sh')}`, `pump ${stat(20, 'sh')}`));
    expect(record?.pump?.pid).toBe(20);
  });

  it.each([
    ['exit 0', [], { code: 0, evidence: 'shim' }],
    ['exit 128', [], { code: 128, evidence: 'shim' }],
    ['exit 143', [], { code: 143, evidence: 'shim' }],
    ['exit 143', ['Terminated'], { signal: 'SIGTERM', evidence: 'shim' }],
    ['exit 139', ['Segmentation fault (core dumped)'], { signal: 'SIGSEGV', evidence: 'shim' }],
    ['exit 162', ['Real-time signal 0'], { signal: 'SIG34', evidence: 'shim' }],
    ['exit 130', [], { code: 130, signal: 'SIGINT', evidence: 'shim-either' }],
    ['exit 141', [], { code: 141, signal: 'SIGPIPE', evidence: 'shim-either' }],
    ['exit 255', [], { code: 255, evidence: 'shim' }],
  ])('reads %s after the remarks %j as %j', (exit, remarks, expected) => {
    const record = parseRunFile(file(`main ${stat(12, 'sh')}`, ...remarks, exit));
    expect(record?.exit).toEqual(expected);
  });

  it('leaves open what a silent shell’s 143 means', () => {
    const text = `${encodeRunHeader({ ...header, isShellOutspoken: false })}exit 143\n`;
    expect(parseRunFile(text)?.exit).toEqual({
      code: 143,
      signal: 'SIGTERM',
      evidence: 'shim-either',
    });
  });

  it('does not take what the shell said before the program began for its death', () => {
    const record = parseRunFile(
      file('sh: 0: getcwd() failed', `main ${stat(12, 'sh')}`, 'exit 143'),
    );
    expect(record?.exit).toEqual({ code: 143, evidence: 'shim' });
    expect(record?.remarks).toEqual(['sh: 0: getcwd() failed']);
  });

  it('takes a line that is not terminated for not yet there', () => {
    expect(parseRunFile(`${file()}exit 1`)).not.toHaveProperty('exit');
    expect(parseRunFile(file().slice(0, -1))).toBeUndefined();
  });

  it.each(['', '\n', 'text\n', '{"format":"meshwork-run","version":2}\n'])(
    'is none when its first line is %j',
    (text) => expect(parseRunFile(text)).toBeUndefined(),
  );

  it('has room for what is appended in the block of its first line, whatever the length of that', () => {
    for (let length = 0; length < 9_000; length += 37) {
      const bytes = Buffer.byteLength(
        encodeRunHeader({ ...header, tag: { long: 'x'.repeat(length) } }),
      );
      expect(4_096 - (bytes % 4_096)).toBeGreaterThanOrEqual(1_024);
    }
  });
});
