import { mkdir, readdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readEnvironment } from '@slipway/client';
import { temporaryFolder } from '@slipway/testkit';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { readConfig } from '../config/read-config.ts';
import { openEngineContext } from './open-engine-context.ts';

/** Files below a folder that this process has open. */
async function openBelow(folder: string): Promise<readonly string[]> {
  const names = await readdir('/proc/self/fd');
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(folder)).map((target) => target.slice(folder.length + 1));
}

test('a start that fails in the middle closes what it had opened', async () => {
  await using folder = await temporaryFolder();
  const dataDir = join(folder.path, 'data');
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'images'), 'a file where a folder should be');
  const config = {
    ...(await readConfig({ flags: {}, variables: {}, file: undefined })),
    dataDir,
    auditLog: join(folder.path, 'audit.log'),
  };
  const environment = readEnvironment({ HOME: folder.path });
  const options = { config, environment, log: pino({ level: 'silent' }) };
  await expect(openEngineContext(options)).rejects.toMatchObject({ code: 'ERR_IMAGE_STORE_UNAVAILABLE' });
  expect(await openBelow(folder.path)).toEqual([]);
});
