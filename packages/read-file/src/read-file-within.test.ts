import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRegularFile } from './open-regular-file.ts';
import { readFileWithin, readTextWithin } from './read-file-within.ts';

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'read-file-'));
  mkdirSync(at('folder'));
  writeFileSync(at('empty'), '');
  writeFileSync(at('hello'), 'héllo');
  writeFileSync(at('marked'), '\uFEFF\uFEFF{}');
  writeFileSync(at('long'), new Uint8Array(3_000_000).fill(7));
  symlinkSync('hello', at('link'));
  symlinkSync('nowhere', at('broken'));
  if (process.platform === 'win32') return;
  for (const name of ['pipe', 'slow', 'flood']) execFileSync('mkfifo', [at(name)]);
  symlinkSync('pipe', at('link-to-pipe'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ['empty', 0],
  ['hello', 6],
  ['link', 6],
  ['long', 3_000_000],
])('%s is read to its end', async (name, size) => {
  const bytes = await readFileWithin(at(name), { maxBytes: size });
  expect(bytes.byteLength).toBe(size);
});

test('text is UTF-8', async () => {
  expect(await readTextWithin(at('hello'), { maxBytes: 100 })).toBe('héllo');
});

test('a byte order mark is no text, and part of the bytes', async () => {
  expect(await readTextWithin(at('marked'), { maxBytes: 100 })).toBe('\uFEFF{}');
  expect(await readFileWithin(at('marked'), { maxBytes: 100 })).toHaveLength(8);
});

test.each([
  ['hello', 5, 'ERR_FILE_TOO_LARGE', 'it has more than the 5 bytes allowed'],
  ['long', 2_999_999, 'ERR_FILE_TOO_LARGE', 'it has more than the 2999999 bytes allowed'],
])('%s with %d bytes allowed: %s', async (name, maxBytes, code, why) => {
  const message = `Cannot read ${JSON.stringify(at(name))}: ${why}`;
  await expect(readFileWithin(at(name), { maxBytes })).rejects.toMatchObject({ code, why, message });
});

test('a folder is what the system says', async () => {
  await expect(readFileWithin(at('folder'), { maxBytes: 1_000 })).rejects.toMatchObject({ code: 'EISDIR' });
});

test.each(['missing', 'broken'])('%s is as absent as the system says', async (name) => {
  await expect(readFileWithin(at(name), { maxBytes: 1 })).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(openRegularFile(at(name))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a signal that has aborted ends it before anything is opened', async () => {
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  await expect(readFileWithin(at('missing'), { maxBytes: 1, signal })).rejects.toBe(reason);
});

test('a regular file is opened, and nothing else', async () => {
  const file = await openRegularFile(at('link'));
  expect(await file.readFile('utf8')).toBe('héllo');
  await file.close();
  await expect(openRegularFile(at('folder'))).rejects.toMatchObject({ code: 'ERR_FILE_KIND' });
});

describe.skipIf(process.platform === 'win32')('pipes and devices', () => {
  test.each(['pipe', 'link-to-pipe'])('%s is refused at once where nobody named it', async (name) => {
    const why = 'it is a pipe, not a file';
    await expect(readFileWithin(at(name), { maxBytes: 9 })).rejects.toMatchObject({ code: 'ERR_FILE_KIND', why });
    await expect(openRegularFile(at(name))).rejects.toMatchObject({ code: 'ERR_FILE_KIND', why });
  });

  test('a pipe that was named is waited for, until the signal says no', async () => {
    const controller = new AbortController();
    const reading = readFileWithin(at('pipe'), { maxBytes: 9, mayBePipe: true, signal: controller.signal });
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
    // No thread is left behind that waits for a writer: Node would not end before it has one.
    expect(process.getActiveResourcesInfo().filter((kind) => kind.startsWith('FSReq'))).toEqual([]);
  });

  test.each(['pipe', 'link-to-pipe'])('%s is not waited for longer than was said while nobody writes', async (name) => {
    const reading = readTextWithin(at(name), { maxBytes: 9, mayBePipe: true, writerWaitMs: 30 });
    await expect(reading).rejects.toMatchObject({ code: 'ERR_FILE_KIND', why: 'it is a pipe that nobody writes into' });
  });

  test('one that somebody has opened is waited for, however long it stays silent', async () => {
    const file = await open(at('pipe'), 'r+'); // waits for nobody
    const controller = new AbortController();
    const options = { maxBytes: 9, mayBePipe: true, writerWaitMs: 0, signal: controller.signal };
    const reading = readTextWithin(at('pipe'), options);
    const beside = readTextWithin(at('link-to-pipe'), { ...options, writerWaitMs: 40, signal: undefined });
    expect(await Promise.race([reading, beside, new Promise((resolve) => setTimeout(resolve, 100, 'silent'))])).toBe(
      'silent',
    );
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await file.write('said');
    await file.close();
    expect(await beside).toBe('said');
  });

  test('its writer may come later, and write in pieces', async () => {
    const reading = readTextWithin(at('slow'), { maxBytes: 20, mayBePipe: true, writerWaitMs: 60_000 });
    const file = await open(at('slow'), 'w'); // waits for the reader
    await file.write('one ');
    await file.write('two');
    await file.close();
    expect(await reading).toBe('one two');
  });

  test('of one that says too much, no more than was allowed is kept', async () => {
    const reading = readFileWithin(at('flood'), { maxBytes: 10, mayBePipe: true });
    const writing = open(at('flood'), 'w').then(async (file) => {
      await file.write(new Uint8Array(100));
      await file.close();
    });
    await expect(reading).rejects.toMatchObject({ code: 'ERR_FILE_TOO_LARGE' });
    await writing;
  });

  test.each([
    ['some', 'printf secret', 'secret'],
    ['nothing', 'true', ''],
  ])('what a shell hands over as <(…), %s', async (_, command, expected) => {
    const source = `
      import { readTextWithin } from ${JSON.stringify(join(import.meta.dirname, '../dist/index.js'))};
      process.stdout.write(await readTextWithin(process.argv[2], { maxBytes: 100, mayBePipe: true }));`;
    writeFileSync(at('reader.mjs'), source);
    const script = `"$0" "$1" <(${command})`;
    const child = spawn('bash', ['-c', script, process.execPath, at('reader.mjs')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(text).toBe(expected);
  });

  test('devices: an empty one is empty, an endless one is too long', async () => {
    expect((await readFileWithin('/dev/null', { maxBytes: 0 })).byteLength).toBe(0);
    const reading = readFileWithin('/dev/zero', { maxBytes: 5_000_000 });
    await expect(reading).rejects.toMatchObject({ code: 'ERR_FILE_TOO_LARGE' });
    await expect(openRegularFile('/dev/null')).rejects.toMatchObject({ why: 'it is a device, not a file' });
  });
});
