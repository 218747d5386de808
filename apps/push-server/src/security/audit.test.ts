import { execFileSync } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@slipway/testkit';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { openAuditLog } from './audit.ts';

const log = pino({ level: 'silent' });

test('a pipe that nobody reads is refused, and keeps nobody waiting; one that is read gets each line', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'audit');
  execFileSync('mkfifo', [file]);
  await expect(openAuditLog(file, log)).rejects.toMatchObject({
    code: 'ERR_SERVER_CONFIG',
    message: `--audit-log: ${file} is a pipe that nobody reads`,
  });
  await using reader = await open(file, 'r+');
  const written = { action: 'load', outcome: 'done', subject: 'app.tar', principal: 'p' } as const;
  {
    await using audit = await openAuditLog(file, log);
    await audit.reopen();
    audit.write({ ...written, remote: undefined, requestId: undefined });
  }
  const { buffer, bytesRead } = await reader.read(Buffer.alloc(1_000), 0, 1_000, null);
  expect(JSON.parse(String(buffer.subarray(0, bytesRead)))).toMatchObject(written);
});
