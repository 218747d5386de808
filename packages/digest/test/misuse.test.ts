import { misuseSuite } from '@slipway/arguments/suite';
import { expect, test } from 'vitest';
import type { ByteStream } from '../src/index.ts';
import * as exported from '../src/index.ts';
import { tarSum } from '../src/tarsum.ts';

misuseSuite('@slipway/digest', exported);

test.each<[string, (signal: never) => unknown]>([
  ['contentOf().open', (signal) => firstOf(exported.contentOf(bytes).open({ signal }))],
  ['digestStream', (signal) => exported.digestStream(one(), { signal })],
  ['tarSum', (signal) => tarSum(one(), '1', { signal })],
  ['decompress', (signal) => firstOf(exported.decompress(one(), 'none', { signal }))],
  ['abortable', (signal) => exported.abortable(one(), signal)],
  ['gzip', (signal) => firstOf(exported.createGzipCompressor().compress(one(), { signal }))],
  ['gzip without threads', (signal) => firstOf(exported.createPortableGzipCompressor().compress(one(), { signal }))],
])('%s tells of a signal that is none', async (_, call) => {
  for (const wrong of [new AbortController(), {}, 'now', 0]) {
    const refused = { code: 'ERR_ARGUMENT', message: expect.stringContaining('to be an AbortSignal, got') };
    await expect((async () => call(wrong as never))()).rejects.toMatchObject(refused);
  }
});

const bytes = new Uint8Array(1);

async function* one(): ByteStream {
  yield bytes;
}

async function firstOf(items: ByteStream): Promise<unknown> {
  for await (const item of items) return item;
  return undefined;
}
