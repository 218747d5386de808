import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool, temporaryFolder } from '@slipway/testkit';
import { expect, test } from 'vitest';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

test('a second Ctrl-C ends a program although one of its threads waits for good', async () => {
  await using folder = await temporaryFolder();
  const pipe = join(folder.path, 'pipe');
  await runTool('mkfifo', [pipe]);
  const loader = ['--import', here('../../../tools/typescript-loader.mjs'), '--conditions=@slipway/source'];
  const child = spawn(process.execPath, [...loader, here('stuck-program.ts'), pipe], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  // Its exit would wait for that thread: only a signal ends it, for which a shell says 130.
  for await (const _ of child.stdout) child.kill('SIGINT');
  expect(await closed).toEqual([null, 'SIGINT']);
});
