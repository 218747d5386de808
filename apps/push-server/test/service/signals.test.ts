import { join } from 'node:path';
import { temporaryFolder } from '@slipway/testkit';
import { expect, test, vi } from 'vitest';
import { spawnDaemon } from '../jobs/spawn-daemon.ts';

test('SIGUSR1 and SIGUSR2 have the daemon say what it does, and open no debugger', async () => {
  await using folder = await temporaryFolder();
  await using daemon = await spawnDaemon(join(folder.path, 's.sock'), join(folder.path, 'data'));
  for (const [at, signal] of (['SIGUSR1', 'SIGUSR2', 'SIGUSR1'] as const).entries()) {
    process.kill(daemon.pid, signal);
    const told = /"state":\{[^\n]*"running":\{"push":0,"load":0,"save":0,"job":0\}/g;
    await vi.waitFor(() => expect(daemon.log().match(told)).toHaveLength(at + 1), { timeout: 20_000 });
  }
  expect((await daemon.request('GET', '/_ping')).status).toBe(200);
  expect(daemon.log()).not.toContain('Debugger');
  await daemon.stop();
  expect(daemon.exitCode()).toBe(0);
});
