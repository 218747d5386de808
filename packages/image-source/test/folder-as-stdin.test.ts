import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();

test('standard input that is a folder is named as one', () => {
  const opener = join(import.meta.dirname, '../dist/index.js');
  const program = `
    import { openSource } from ${JSON.stringify(opener)};
    await openSource('-').catch(({ code, message }) => console.log(code, message));`;
  const descriptor = openSync(folder(), 'r');
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    stdio: [descriptor, 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  closeSync(descriptor);
  expect(stdout).toBe('ERR_SOURCE_UNREADABLE Cannot read an image from standard input: it is a folder\n');
});
