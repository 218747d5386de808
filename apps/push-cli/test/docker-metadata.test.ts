import { createHash, createHmac } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  randomImage,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, runCli } from './run-cli.ts';

let folder: TemporaryFolder;
const at = (...names: readonly string[]): string => join(folder.path, ...names);

beforeAll(async () => {
  folder = await temporaryFolder();
  const image = await randomImage({ seed: 'docker-metadata', layers: [{ size: 300_000 }, { size: 200_000 }] });
  await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }]);
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

/** With a data folder of its own: nothing is known but what Docker's folder says. */
async function push(destination: string, dataDir: string, ...args: readonly string[]): Promise<CliResult> {
  const own = ['--data-dir', at(dataDir), '--no-learn', '--progress', 'plain'];
  return await runCli(['push', at('image.tar'), destination, ...own, ...args], { env: { HOME: folder.path } });
}

const filesIn = async (path: string): Promise<readonly string[]> => {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
};

/** Docker's key of an anonymous push, and what it signs with it. */
const anonymous = `sha256:${createHash('sha256').update('{}').digest('hex')}`;
const sign = (digest: string, repository: string): string =>
  createHmac('sha256', anonymous)
    .update(digest + repository)
    .digest('hex');

describe('--docker-metadata', () => {
  test('what a Docker daemon remembers is mounted; what is pushed is left for it', async () => {
    await using registry = await startRegistry();
    const docker = at('distribution');
    await mkdir(docker, { mode: 0o700 });
    const first = await push(`${registry.host}/m/one:v1`, 'a', '--docker-metadata', docker, '--docker-metadata-write');
    expect(first).toMatchObject({ code: 0 });

    const files = await filesIn(join(docker, 'v2metadata-by-diffid', 'sha256'));
    expect(files).toHaveLength(2);
    for (const file of files) {
      const [record, ...rest] = JSON.parse(await readFile(file, 'utf8'));
      const repository = `${registry.host}/m/one`;
      expect(rest).toEqual([]);
      expect(record).toEqual({
        Digest: expect.stringMatching(/^sha256:/),
        SourceRepository: repository,
        HMAC: sign(record.Digest, repository),
      });
    }

    const before = await Promise.all((await filesIn(docker)).map((file) => readFile(file, 'utf8')));
    const second = await push(`${registry.host}/m/two:v1`, 'b', '--docker-metadata', docker);
    expect(second).toMatchObject({ code: 0 });
    expect(second.stderr.match(/Mounted from m\/one/g)).toHaveLength(2);
    expect(await Promise.all((await filesIn(docker)).map((file) => readFile(file, 'utf8')))).toEqual(before);

    const without = await push(`${registry.host}/m/three:v1`, 'c');
    expect(without.stderr).not.toContain('Mounted from');
  });

  test('a folder that is none, and a write without a folder, are wrong usage', async () => {
    await writeFile(at('file'), '');
    for (const name of ['nowhere', 'file']) {
      const { code, stderr } = await push('127.0.0.1:1/demo/app', 'd', '--docker-metadata', at(name));
      expect(code).toBe(2);
      expect(stderr).toContain(`Cannot read Docker's metadata in ${at(name)}`);
      expect(stderr).toContain('/var/lib/docker/image/overlay2/distribution');
    }
    const { code, stderr } = await push('127.0.0.1:1/demo/app', 'd', '--docker-metadata-write');
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('needs --docker-metadata') });
  });
});
