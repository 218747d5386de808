import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Digest } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import { mountCandidates } from '../claims/candidates.ts';
import { computeHmac, computeHmacKey } from '../claims/hmac.ts';
import { createMemoryMetadataStore } from '../keyed/memory-store.ts';
import { metadataStoreSuite } from '../suite.ts';
import { withDockerMetadata } from './docker-metadata.ts';

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}` as Digest;
const v1ID = '0123456789abcdef'.repeat(4);
const key = computeHmacKey({ username: 'user', password: 'pass' });
const busybox = { digest: digest('b'), sourceRepository: 'docker.io/library/busybox' };
const hmac = computeHmac(key, busybox);

/** Byte for byte what the daemon leaves after a push of one layer as `user`, and one to a v1 registry. */
const files: Readonly<Record<string, string>> = {
  [`v2metadata-by-diffid/sha256/${'a'.repeat(64)}`]: `[{"Digest":"${busybox.digest}","SourceRepository":"docker.io/library/busybox","HMAC":"${hmac}"}]`,
  [`diffid-by-digest/sha256/${'b'.repeat(64)}`]: digest('a'),
  [`v1id/registry.example:5000,${v1ID}`]: digest('a'),
};

async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'slipway-docker-metadata-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function dockerFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'distribution');
  await mkdir(path, { mode: 0o700 });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(path, dirname(name)), { recursive: true, mode: 0o755 });
    await writeFile(join(path, name), text, { mode: 0o644 });
  }
  return { path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const filesOf = async (path: string): Promise<readonly string[]> => {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
};

test.skipIf(process.platform === 'win32')(
  'a pipe in the place of a record is none, and waited for by nobody',
  async () => {
    await using folder = await dockerFolder();
    const path = join(folder.path, `v2metadata-by-diffid/sha256/${'a'.repeat(64)}`);
    await rm(path);
    execFileSync('mkfifo', [path]);
    await using store = await withDockerMetadata(createMemoryMetadataStore(), { folder: folder.path });
    expect(await store.layerRecords(digest('a'))).toEqual([]);
  },
);

for (const isWritable of [false, true]) {
  metadataStoreSuite(`a store with Docker's folder, ${isWritable ? 'written' : 'read'}`, async () => {
    const folder = await temporaryFolder();
    const store = await withDockerMetadata(createMemoryMetadataStore(), { folder: folder.path, isWritable });
    const close = store[Symbol.asyncDispose].bind(store);
    return Object.assign(store, {
      async [Symbol.asyncDispose]() {
        await close();
        await folder[Symbol.asyncDispose]();
      },
    });
  });
}

describe('what Docker remembers', () => {
  test('counts here: a candidate for a mount, signed with the same credentials', async () => {
    await using folder = await dockerFolder();
    await using store = await withDockerMetadata(createMemoryMetadataStore(), { folder: folder.path });
    const records = await store.layerRecords(digest('a'));
    expect(records).toEqual([{ ...busybox, hmac }]);
    expect(await store.diffIDOf(digest('b'))).toBe(digest('a'));
    expect(await store.v1Layer('registry.example:5000', v1ID)).toBe(digest('a'));
    const candidates = mountCandidates(records, { target: 'docker.io/me/app', hmacKey: key, max: 3 });
    expect(candidates).toEqual(records);
  });

  test('is older than what was found out here, and the same record counts once', async () => {
    await using folder = await dockerFolder();
    const own = createMemoryMetadataStore();
    const ours = { digest: digest('c'), sourceRepository: 'docker.io/library/alpine', hmac: '' };
    await own.addLayerRecord(digest('a'), { ...busybox, hmac });
    await own.addLayerRecord(digest('a'), ours);
    await using store = await withDockerMetadata(own, { folder: folder.path });
    expect(await store.layerRecords(digest('a'))).toEqual([{ ...busybox, hmac }, ours]);
  });

  test('is left as it is, to the last file, unless the folder may be written', async () => {
    await using folder = await dockerFolder();
    {
      await using store = await withDockerMetadata(createMemoryMetadataStore(), { folder: folder.path });
      await store.tagAndAdd(digest('a'), key, { digest: digest('d'), sourceRepository: 'r.example/x' });
      await store.tagAndAdd(digest('e'), key, { digest: digest('f'), sourceRepository: 'r.example/x' });
      await store.removeLayerRecord({ ...busybox, hmac });
      await store.setV1Layer('registry.example', v1ID, digest('a'));
      expect((await store.layerRecords(digest('a'))).map((record) => record.digest)).toEqual([digest('d')]);
    }
    expect(await filesOf(folder.path)).toEqual(Object.keys(files).sort());
    for (const [name, text] of Object.entries(files))
      expect(await readFile(join(folder.path, name), 'utf8')).toBe(text);
  });
});

describe('a folder that is written', () => {
  test('holds what Docker would have written, and nothing else', async () => {
    await using folder = await dockerFolder();
    {
      await using store = await withDockerMetadata(createMemoryMetadataStore(), {
        folder: folder.path,
        isWritable: true,
      });
      const seen = { digest: digest('d'), sourceRepository: 'r.example/a' };
      await store.tagAndAdd(digest('a'), key, seen);
      await store.tagAndAdd(digest('e'), undefined, seen);
      await store.tagAndAdd(digest('9'), key, { digest: digest('9'), sourceRepository: 'r.example/a' }); // a config
      await store.removeLayerRecord({ ...busybox, hmac });
      await store.setV1Layer('registry.example', v1ID, digest('e'));
      await store.setV1Layer('tarsum.v1', v1ID, digest('e'));
      await store.rememberBlobSize(digest('d'), 5);
      await store.addClaim('r.example/a', digest('a'), { digest: digest('d'), size: 5 });
      await store.saveSession({ repository: 'r.example/a', subject: 's', location: 'l', offset: 0, updatedAt: 1 });
      const read = (name: string): Promise<string> => readFile(join(folder.path, name), 'utf8');
      expect(await read(`v2metadata-by-diffid/sha256/${'a'.repeat(64)}`)).toBe(
        `[{"Digest":"${digest('d')}","SourceRepository":"r.example/a","HMAC":"${computeHmac(key, seen)}"}]`,
      );
      expect(await read(`v2metadata-by-diffid/sha256/${'e'.repeat(64)}`)).toBe(
        `[{"Digest":"${digest('d')}","SourceRepository":"r.example/a","HMAC":""}]`,
      );
      expect(await read(`diffid-by-digest/sha256/${'d'.repeat(64)}`)).toBe(digest('e'));
      expect(await read(`v1id/registry.example,${v1ID}`)).toBe(digest('e'));
    }
    expect((await filesOf(folder.path)).filter((name) => name.includes('9'.repeat(64)))).toEqual([]);
    const namespaces = new Set((await filesOf(folder.path)).map((name) => name.split('/')[0]));
    expect([...namespaces]).toEqual(['diffid-by-digest', 'v1id', 'v2metadata-by-diffid']);
    const made = join(folder.path, `v2metadata-by-diffid/sha256/${'e'.repeat(64)}`);
    if (process.platform !== 'win32') expect((await stat(made)).mode & 0o777).toBe(0o644);
  });

  test('a list that becomes empty is deleted; what leads back to the layer stays', async () => {
    await using folder = await dockerFolder();
    await using store = await withDockerMetadata(createMemoryMetadataStore(), {
      folder: folder.path,
      isWritable: true,
    });
    await store.removeLayerRecord({ ...busybox, hmac });
    expect(await filesOf(folder.path)).toEqual(
      Object.keys(files)
        .sort()
        .filter((name) => !name.startsWith('v2')),
    );
  });

  test('is read anew each time: the daemon may write meanwhile', async () => {
    await using folder = await dockerFolder();
    await using store = await withDockerMetadata(createMemoryMetadataStore(), { folder: folder.path });
    const path = join(folder.path, `v2metadata-by-diffid/sha256/${'a'.repeat(64)}`);
    await writeFile(path, files[`v2metadata-by-diffid/sha256/${'a'.repeat(64)}`]!.replaceAll('busybox', 'alpine'));
    expect((await store.layerRecords(digest('a')))[0]?.sourceRepository).toBe('docker.io/library/alpine');
  });
});

describe('a folder that cannot be used', () => {
  test.each([['nowhere'], ['file']])('%s is refused when the store is opened', async (name) => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'file'), '');
    const opening = withDockerMetadata(createMemoryMetadataStore(), { folder: join(folder.path, name) });
    await expect(opening).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
      message: expect.stringContaining(`Cannot read Docker's metadata in ${folder.path}`),
    });
  });

  test('damaged files count as nothing', async () => {
    await using folder = await dockerFolder();
    for (const name of Object.keys(files)) await writeFile(join(folder.path, name), '{"not":"ours"');
    await using store = await withDockerMetadata(createMemoryMetadataStore(), { folder: folder.path });
    expect(await store.layerRecords(digest('a'))).toEqual([]);
    expect(await store.diffIDOf(digest('b'))).toBeUndefined();
    expect(await store.v1Layer('registry.example:5000', v1ID)).toBeUndefined();
  });

  test('what fails later is told once, and stops nothing', async () => {
    await using folder = await dockerFolder();
    const warnings: Error[] = [];
    const options = { folder: folder.path, isWritable: true, onWarning: (error: Error) => void warnings.push(error) };
    await using store = await withDockerMetadata(createMemoryMetadataStore(), options);
    const path = join(folder.path, `v2metadata-by-diffid/sha256/${'e'.repeat(64)}`);
    await mkdir(path); // a folder where a file is to be: nobody can write there, not even root
    await store.tagAndAdd(digest('e'), key, { digest: digest('f'), sourceRepository: 'r.example/x' });
    await store.tagAndAdd(digest('e'), key, { digest: digest('f'), sourceRepository: 'r.example/y' });
    expect(await store.layerRecords(digest('e'))).toHaveLength(2);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
  });
});
