import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '@slipway/digest';
import type { PushResult } from '@slipway/push';
import { parseReference } from '@slipway/reference';
import { runTool } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resultLine, resultRecord, writeDigestFile } from './results.ts';

const totals = { existed: 1, mounted: 0, uploaded: 2, skipped: 0, bytesToSend: 0, bytesSent: 3 };
const digest = `sha256:${'a'.repeat(64)}` as Digest;

function pushed(text: string): Extract<PushResult, { ok: true }> {
  const reference = parseReference(text);
  return { ok: true, reference, digest, mediaType: 'm', size: 9, unchanged: false, totals };
}

test.each([
  ['app:v1', 'docker.io/library/app'],
  ['127.0.0.1:5000/demo/app:v1', '127.0.0.1:5000/demo/app'],
])('the result of %s names registry, repository and digest', (reference, name) => {
  expect(resultLine(pushed(reference))).toBe(`${name}@${digest}`);
});

test('as JSON it has everything a program may want', () => {
  expect(resultRecord(pushed('ghcr.io/me/app:v1'))).toEqual({
    reference: 'ghcr.io/me/app:v1',
    digest,
    mediaType: 'm',
    size: 9,
    tag: 'v1',
    unchanged: false,
    totals,
  });
});

test('a failure has its error in place of the digest', () => {
  const error = Object.assign(new Error('no'), { code: 'ERR_REGISTRY_DENIED', hint: 'ask' });
  expect(resultRecord({ ok: false, reference: parseReference('ghcr.io/me/app:v1'), error, totals })).toEqual({
    reference: 'ghcr.io/me/app:v1',
    tag: 'v1',
    error: { code: 'ERR_REGISTRY_DENIED', message: 'no', hint: 'ask' },
    totals,
  });
});

describe('writeDigestFile', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'slipway-results-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('an old file is replaced as a whole, and nothing else is left', async () => {
    const path = join(folder, 'digest');
    await writeFile(path, 'an older and longer content'.repeat(10));
    await writeDigestFile(path, [pushed('a:1'), pushed('b:2')]);
    expect(await readFile(path, 'utf8')).toBe(`${digest}\n${digest}\n`);
    expect(await readdir(folder)).toEqual(['digest']);
  });

  test('a link stays, and the file that it names is replaced', async () => {
    await mkdir(join(folder, 'linked'));
    await writeFile(join(folder, 'linked/file'), 'old');
    await symlink('linked/file', join(folder, 'link'));
    await writeDigestFile(join(folder, 'link'), [pushed('a:1')]);
    expect(await readlink(join(folder, 'link'))).toBe('linked/file');
    expect(await readFile(join(folder, 'linked/file'), 'utf8')).toBe(`${digest}\n`);
    await rm(join(folder, 'link'));
    await rm(join(folder, 'linked'), { recursive: true });
  });

  test.skipIf(process.platform === 'win32')('a pipe is written to, and stays one, as a device does', async () => {
    const pipe = join(folder, 'pipe');
    await runTool('mkfifo', [pipe]);
    const read = readFile(pipe, 'utf8');
    await writeDigestFile(pipe, [pushed('a:1')]);
    expect(await read).toBe(`${digest}\n`);
    expect((await stat(pipe)).isFIFO()).toBe(true);
    await rm(pipe);
  });

  test('what cannot be written is told, and leaves nothing behind', async () => {
    const path = join(folder, 'taken');
    await mkdir(path);
    await expect(writeDigestFile(path, [pushed('a:1')])).rejects.toMatchObject({
      code: 'ERR_CLI_OUTPUT',
      message: expect.stringContaining('the image was pushed, but --digest-file cannot be written'),
    });
    expect((await readdir(folder)).sort()).toEqual(['digest', 'taken']);
  });
});
