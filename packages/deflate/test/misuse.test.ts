import { afterAll, expect, test } from 'vitest';
import { deflateBlock } from '../src/index.ts';
import { createDeflatePool, createGunzipHashPool } from '../src/pool.ts';

const deflating = createDeflatePool({ threads: 1, withoutThreads: 1_000_000 });
const unpacking = createGunzipHashPool({ threads: 1 });
afterAll(async () => {
  await deflating[Symbol.asyncDispose]();
  await unpacking[Symbol.asyncDispose]();
});

type Call = (...given: unknown[]) => unknown;
const bytes = new Uint8Array(3);

test.each<[string, Call, readonly (readonly unknown[])[]]>([
  [
    'deflateBlock',
    deflateBlock as Call,
    [[], [null], ['x'], [[1]], [bytes, null], [bytes, { level: '2' }], [bytes, { dictionary: 'x' }]],
  ],
  [
    'deflateBlock, its options',
    deflateBlock as Call,
    [
      [bytes, { levle: 2 }],
      [bytes, { final: 1 }],
      [bytes, []],
    ],
  ],
  [
    'createDeflatePool',
    createDeflatePool as Call,
    [[null], ['2'], [{ threads: '2' }], [{ threads: 0 }], [{ thread: 1 }]],
  ],
  ['createGunzipHashPool', createGunzipHashPool as Call, [[null], [{ threads: '2' }], [{ threads: 1.5 }], [() => {}]]],
  [
    'DeflatePool.deflate',
    (...given) => deflating.deflate(...(given as [never])),
    [[], ['x'], [bytes, { signal: {} }], [bytes, { output: bytes }], [bytes, { level: 9 }]],
  ],
  [
    'DeflatePool.deflateFile',
    (...given) => deflating.deflateFile(...(given as [never])),
    [[], [null], [{}], [{ readSync: () => 0 }], [{ readSync: () => 0, blockSize: 65_536, fd: -1 }]],
  ],
  ['DeflatePool.expect', (...given) => deflating.expect(...(given as [never])), [[], ['x'], [-1], [Symbol('s')]]],
  [
    'GunzipHashPool.begin',
    (...given) => unpacking.begin(...(given as [])),
    [[null], [{ algorithm: 7 }], [{ algorithm: 'sha257' }], [{ maxSize: -1 }], [{ maxsize: 1 }], [{ surplus: 'keep' }]],
  ],
])('%s tells what is wrong with a call', async (_, call, wrong) => {
  for (const given of wrong) {
    const error = await Promise.resolve()
      .then(() => call(...given))
      .catch((thrown: unknown) => thrown);
    expect(error, JSON.stringify(given)).toMatchObject({ code: 'ERR_ARGUMENT' });
  }
});
