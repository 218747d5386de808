import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

test.skipIf(process.platform === 'win32')('what a test run has started ends when that run is killed', async () => {
  const loader = ['--import', here('../../../tools/typescript-loader.mjs'), '--conditions=@slipway/source'];
  const run = spawn(process.execPath, [...loader, here('test-run.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  run.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    run.kill('SIGKILL');
  });
  // Once nobody holds the output any more: neither the run nor what it started.
  expect(await once(run, 'close')).toEqual([null, 'SIGKILL']);
  expect(said).toBe('started\n');
});
