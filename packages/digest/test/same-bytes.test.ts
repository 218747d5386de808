import { expect, test } from 'vitest';
import {
  compressionPass,
  createEstargzCompressor,
  createGzipCompressor,
  createZstdChunkedCompressor,
  createZstdCompressor,
  digestStream,
} from '../src/index.ts';
import { chunked, distributions } from './support.ts';

/** A tar of three files, whose bytes are written down here: no program and no clock has a part in it. */
const tar = Buffer.concat([
  ...fileOf('etc/motd', new TextEncoder().encode('welcome\n'.repeat(40))),
  ...fileOf('usr/lib/mixed.so', distributions.mixed(2_700_000, 3)),
  ...fileOf('usr/share/empty', new Uint8Array()),
  Buffer.alloc(1024),
]);

function fileOf(name: string, content: Uint8Array): readonly Uint8Array[] {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(name, 0);
  header.write(octal(0o644, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(content.byteLength, 11), 124);
  header.write(octal(1_700_000_000, 11), 136);
  header.write(' '.repeat(8), 148);
  header.write('0ustar\x0000', 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)} `, 148);
  return [header, content, Buffer.alloc((512 - (content.byteLength % 512)) % 512)];
}

const forms = [
  ['gzip', createGzipCompressor],
  ['zstd', createZstdCompressor],
  ['zstd:chunked', createZstdChunkedCompressor],
  ['estargz', createEstargzCompressor],
] as const;

async function digestsWith(concurrency: number): Promise<Readonly<Record<string, string>>> {
  const made = forms.map(async ([name, create]) => {
    const pass = compressionPass(chunked(tar, 100_000), create({ concurrency }));
    const { digest, size } = await digestStream(pass.stream);
    return [name, `${digest.slice(7, 23)} ${size}`] as const;
  });
  return Object.fromEntries(await Promise.all(made));
}

/** CI runs it on each line of Node and on each system: a change here is a change of the digests of all layers. */
test('every form has the same bytes on every machine, with one block at once or many', async () => {
  const [one, many] = [await digestsWith(1), await digestsWith(4)];
  expect(many).toEqual(one);
  expect(one).toMatchInlineSnapshot(`
    {
      "estargz": "1dbc2c2e77aa97ce 1655992",
      "gzip": "6bd06b7bf53790e4 1654683",
      "zstd": "8609cd3929693f6f 1652679",
      "zstd:chunked": "63db81e0bb50b817 1652070",
    }
  `);
});
