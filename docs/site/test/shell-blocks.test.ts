import { expect, test } from 'vitest';
import { missingLine, shellBlocksOf } from './shell-blocks.ts';

const fenced = (language: string, code: string): string => `\`\`\`${language}\n${code}\n\`\`\`\n`;

test('blocks of a shell, with what is typed and what is printed', () => {
  const page = `${fenced('sh', 'one')}${fenced('console', '$ two \\\n    three\nprinted')}${fenced('json', '{}')}${fenced('', '$ four')}`;
  expect(shellBlocksOf(page)).toEqual([
    { line: 1, script: 'one\n', expected: [] },
    { line: 4, script: 'two \\\n    three\n', expected: ['printed'] },
    { line: 12, script: '$ four\n', expected: [] },
  ]);
});

test('a mark before a block, and one for a page', () => {
  expect(shellBlocksOf(`<!-- not run: no network -->\n${fenced('sh', 'one')}`)).toMatchObject([
    { notRun: 'no network' },
  ]);
  expect(shellBlocksOf(`<!-- serves: 127.0.0.1:5000 -->\n${fenced('sh', 'one')}`)).toMatchObject([
    { serves: '127.0.0.1:5000' },
  ]);
  expect(shellBlocksOf(`<!-- not run on this page: history -->\n\n${fenced('sh', 'one')}`)[0]?.notRun).toContain(
    'history',
  );
});

test('what is printed has the expected lines in their order', () => {
  expect(missingLine(['a…c', '…', 'ok  …  5 kB'], 'x\nabc\ny\nok   done 5 kB\n')).toBeUndefined();
  expect(missingLine(['b', 'a'], 'a\nb\n')).toBe('a');
});
