import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync, inflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { deflateBlock } from '../src/deflate.ts';
import { createDeflatePool } from '../src/deflate-pool.ts';
import { createGunzipHashPool } from '../src/gunzip-pool.ts';

/** Threads end as they did where a text was no valid program: before they have begun to listen. */
const failsInThreads = vi.hoisted(
  () =>
    (source: string): string =>
      `if (require('node:worker_threads').isMainThread === false) throw new SyntaxError('odd text');${source}`,
);

vi.mock('../src/pool-worker.ts', async (original) => {
  const { workerSource } = await original<typeof import('../src/pool-worker.ts')>();
  return { workerSource: failsInThreads(workerSource) };
});
vi.mock('../src/gunzip-worker.ts', async (original) => {
  const { gunzipWorkerSource } = await original<typeof import('../src/gunzip-worker.ts')>();
  return { gunzipWorkerSource: failsInThreads(gunzipWorkerSource) };
});

const warnings: Error[] = [];
const note = (warning: Error): unknown => warnings.push(warning);
beforeEach(() => void process.on('warning', note));
afterEach(() => void process.off('warning', note));

const text = Buffer.from('where no thread starts, the calling thread does the work. '.repeat(9000));

test('blocks are deflated to the same bytes, those asked for before the failure was known and later ones', async () => {
  await using pool = createDeflatePool({ threads: 2 });
  const output = new Uint8Array(new SharedArrayBuffer(text.byteLength));
  const [whole, filled, empty] = await Promise.all([
    pool.deflate(text, { level: 3 }),
    pool.deflate(text.subarray(7), { output }),
    pool.deflate(new Uint8Array(0)),
  ]);
  expect(whole).toEqual(deflateBlock(text, { level: 3 }));
  expect(filled.buffer).toBe(output.buffer);
  expect(text.subarray(7).equals(inflateRawSync(filled))).toBe(true);
  expect(inflateRawSync(empty).byteLength).toBe(0);
  const dictionary = text.subarray(0, 1000);
  const later = await pool.deflate(text.subarray(1000), { dictionary });
  expect(later).toEqual(deflateBlock(text.subarray(1000), { dictionary }));
});

test('files are read, hashed and deflated to the same bytes, beside blocks that came before', async () => {
  await using pool = createDeflatePool({ threads: 2 });
  await pool.deflate(text.subarray(0, 10));
  const fd = openSync(fileURLToPath(import.meta.url), 'r');
  const plain = readFileSync(fd);
  const options = { fd, start: 3, size: plain.byteLength - 3, blockSize: 32_768, readSync };
  const [one, other] = [pool.deflateFile(options), pool.deflateFile(options)];
  const bytes = deflateBlock(plain.subarray(3), { final: false });
  const expected = { bytes, sizes: [bytes.byteLength] };
  expect(await Promise.all([one.next(), other.next()])).toEqual([expected, expected]);
  const hash = createHash('sha256').update(plain.subarray(3)).digest('hex');
  expect(await one.end()).toEqual(await other.end());
  expect(await pool.deflateFile({ ...options, size: 0 }).end()).toMatchObject({ checksum: 0 });
  const again = pool.deflateFile(options);
  await again.next();
  expect(await again.end()).toMatchObject({ hash });
  closeSync(fd);
});

test('streams are unpacked, several beside each other, and one that is damaged fails alone', async () => {
  await using pool = createGunzipHashPool({ threads: 1 });
  const packed = gzipSync(text);
  const [fine, other, damaged] = [pool.begin(), pool.begin({ algorithm: 'sha512' }), pool.begin()];
  await Promise.all([fine.write(packed.subarray(0, 99)), other.write(packed.subarray(0, 7))]);
  await Promise.all([fine.write(packed.subarray(99)), other.write(packed.subarray(7))]);
  await expect(damaged.write(randomBytes(64))).rejects.toMatchObject({ code: 'ERR_INFLATE_CORRUPT' });
  const hash = (algorithm: string): string => createHash(algorithm).update(text).digest('hex');
  expect(await fine.end()).toEqual({ hash: hash('sha256'), size: text.byteLength });
  expect(await other.end()).toEqual({ hash: hash('sha512'), size: text.byteLength });
});

test('disposal rejects what waits for the calling thread, as it does for a worker', async () => {
  const pool = createDeflatePool({ threads: 1 });
  await pool.deflate(text);
  const waiting = expect(pool.deflate(text)).rejects.toMatchObject({ code: 'ERR_DEFLATE_CLOSED' });
  await pool[Symbol.asyncDispose]();
  await waiting;
});

test('the process is warned once, with the reason', () => {
  expect(warnings).toEqual([
    expect.objectContaining({
      name: 'SlipwayWarning',
      code: 'SLIPWAY_NO_WORKER_THREADS',
      message: expect.stringContaining('odd text'),
    }),
  ]);
});

test('a process that may start no threads compresses and unpacks all the same', () => {
  const permission = ['--permission', '--experimental-permission'].find((flag) =>
    process.allowedNodeEnvironmentFlags.has(flag),
  );
  const pool = new URL('../dist/pool.js', import.meta.url).href;
  const program = `
    const { createDeflatePool, createGunzipHashPool } = await import(${JSON.stringify(pool)});
    const { gzipSync } = await import('node:zlib');
    const text = Buffer.from('none of these bytes meets a thread; '.repeat(5000));
    const deflater = createDeflatePool();
    const bytes = await deflater.deflate(text);
    const run = createGunzipHashPool().begin();
    await run.write(gzipSync(text));
    console.log(JSON.stringify([Buffer.from(bytes).toString('base64'), (await run.end()).size]));`;
  const flags = [permission ?? '', '--allow-fs-read=*', '--input-type=module', '--eval', program];
  const options = { encoding: 'utf8', cwd: fileURLToPath(new URL('.', import.meta.url)) } as const;
  const { stdout, stderr } = spawnSync(process.execPath, flags, options);
  const same = Buffer.from('none of these bytes meets a thread; '.repeat(5000));
  expect(stderr).toContain('[SLIPWAY_NO_WORKER_THREADS] SlipwayWarning: No worker thread starts (');
  expect(JSON.parse(stdout)).toEqual([Buffer.from(deflateBlock(same)).toString('base64'), same.byteLength]);
});
