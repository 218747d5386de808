import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomImage, writeDockerArchive, writeOciLayout } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Farm, openFarm } from './farm.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await openFarm();
}, 120_000);
afterAll(async () => await farm[Symbol.asyncDispose]());

async function archiveOf(seed: string): Promise<string> {
  const path = join(farm.folder.path, `${seed}.tar`);
  await writeDockerArchive(path, [{ image: await randomImage({ seed }), references: [`app:${seed}`] }]);
  return path;
}

describe('slipway push by a daemon', () => {
  test('prints what a push of its own prints', async () => {
    const archive = await archiveOf('1');
    const target = `${farm.registry.host}/one/app:1`;
    const file = join(farm.folder.path, 'digest');
    const pushed = await farm.client('push', archive, target, '--digest-file', file);
    expect(pushed).toMatchObject({ code: 0 });
    await farm.registry.verify();
    const held = await farm.registry.manifest('one/app', '1');
    expect(pushed.stdout).toBe(`${farm.registry.host}/one/app@${held?.digest}\n`);
    expect(await readFile(file, 'utf8')).toBe(`${held?.digest}\n`);
    const again = await farm.client('push', archive, target, '--json', '--quiet');
    expect(JSON.parse(again.stdout)).toMatchObject({ digest: held?.digest, unchanged: true, job: expect.any(String) });
    expect(again.stderr).toBe('');
  });

  test('takes a folder, and refuses what it cannot have', async () => {
    const folder = join(farm.folder.path, 'layout');
    await mkdir(folder);
    await writeOciLayout(folder, [{ content: await randomImage({ seed: '2' }), refName: 'v1' }]);
    const target = `${farm.registry.host}/two/app:2`;
    expect(await farm.client('push', `oci:${folder}:v1`, target)).toMatchObject({ code: 0 });
    expect(farm.registry.tags('two/app')).toEqual(['2']);
    expect(await farm.client('push', join(farm.folder.path, 'none.tar'), target)).toMatchObject({ code: 4 });
    expect(await farm.client('push', 'store:nothing', target)).toMatchObject({ code: 4 });
    expect(await farm.client('push', folder, target, '--no-cache')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--no-cache is not taken by a daemon'),
    });
  });

  test('ends as the job ends: a refusal, and then a retry', async () => {
    const archive = await archiveOf('3');
    const refusal = farm.registry.misbehave({
      match: { kind: 'manifest-put' },
      status: 403,
      body: '{"errors":[{"code":"DENIED","message":"read-only"}]}',
    });
    const failed = await farm.client('push', archive, `${farm.registry.host}/three/app:3`);
    expect(failed).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('read-only') });
    refusal.remove();
    const [id = ''] =
      (await farm.client('job', 'list', '--state', 'failed', '--json')).stdout.match(/[0-9a-f]{24}/) ?? [];
    expect(await farm.client('job', 'retry', id)).toMatchObject({ code: 0, stdout: expect.stringContaining(id) });
    expect(await farm.client('job', 'watch', id)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('@sha256:'),
    });
    expect((await farm.client('job', 'show', id)).stdout).toMatch(/state +pushed/);
  });
});

describe('Ctrl-C', () => {
  test.each([
    ['stops the job', [], 'cancelled'],
    ['leaves the job when asked to', ['--on-interrupt', 'leave'], 'running'],
  ] as const)('%s', async (_, options, state) => {
    const archive = await archiveOf(state);
    const stall = farm.registry.misbehave({ match: { kind: 'manifest-put' }, stall: true });
    const client = farm.startClient('push', archive, `${farm.registry.host}/${state}/app:4`, ...options);
    await client.printed('Pushed');
    client.interrupt();
    expect(await client.ended).toMatchObject({ code: 130, stdout: '' });
    const [id = ''] = (await farm.client('job', 'list', '--json')).stdout.match(/[0-9a-f]{24}/) ?? [];
    expect(JSON.parse((await farm.client('job', 'show', id, '--json')).stdout)).toMatchObject({ state });
    await farm.client('job', 'cancel', id);
    stall.remove();
  });

  test('of a watcher leaves the job; `job cancel` stops it', async () => {
    const archive = await archiveOf('5');
    const stall = farm.registry.misbehave({ match: { kind: 'manifest-put' }, stall: true });
    const submitted = await farm.client('job', 'submit', archive, `${farm.registry.host}/five/app:5`);
    const id = submitted.stdout.trim();
    const watcher = farm.startClient('job', 'watch', id);
    await watcher.printed('Pushed');
    watcher.interrupt();
    expect(await watcher.ended).toMatchObject({ code: 130 });
    expect((await farm.client('job', 'show', id)).stdout).toMatch(/state +running/);
    expect(await farm.client('job', 'cancel', id)).toMatchObject({ code: 0 });
    expect(await farm.client('job', 'watch', id)).toMatchObject({ code: 130 });
    stall.remove();
  });
});

test('a daemon that dies and comes back ends the push that its client still follows', async () => {
  const archive = await archiveOf('6');
  const stall = farm.registry.misbehave({ match: { kind: 'manifest-put' }, stall: true });
  const client = farm.startClient('push', archive, `${farm.registry.host}/six/app:6`);
  await client.printed('Pushed');
  await farm.killDaemon();
  stall.remove();
  await farm.startDaemon();
  expect(await client.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('@sha256:') });
  await farm.registry.verify();
});

test('a daemon that is not there is told', async () => {
  await writeFile(join(farm.folder.path, 'a.tar'), '');
  const gone = `unix://${join(farm.folder.path, 'gone.sock')}`;
  const args = ['push', join(farm.folder.path, 'a.tar'), 'example.test/a:1', '--daemon', gone];
  expect(await farm.client(...args)).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('cannot talk to slipwayd'),
  });
});
