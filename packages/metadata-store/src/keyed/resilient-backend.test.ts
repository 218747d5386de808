import type { Digest } from '@slipway/digest';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MetadataStoreError } from '../errors.ts';
import { metadataStoreSuite } from '../suite.ts';
import type { KeyValueBackend } from './key-value-backend.ts';
import { createMetadataStore } from './key-value-store.ts';
import { MemoryBackend } from './memory-store.ts';
import { openResilientBackend } from './resilient-backend.ts';

const digest = `sha256:${'b'.repeat(64)}` as Digest;
const never = (): Promise<never> => new Promise(() => {});
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);
const noSpace = (): Promise<never> =>
  Promise.reject(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }));

let warnings: MetadataStoreError[];
const onWarning = (warning: MetadataStoreError): void => void warnings.push(warning);
beforeEach(() => {
  warnings = [];
});

/** A backend whose writes fail, one and all. */
function fullBackend(): MemoryBackend {
  const backend = new MemoryBackend();
  for (const name of ['set', 'delete', 'update', 'take'] as const) vi.spyOn(backend, name).mockImplementation(noSpace);
  return backend;
}

/** A backend none of whose operations works. */
function brokenBackend(): KeyValueBackend {
  const fails = (): Promise<never> => Promise.reject(new MetadataStoreError('ERR_STORE_UNAVAILABLE', 'It is broken'));
  return { get: fails, set: fails, delete: fails, update: fails, [Symbol.asyncDispose]: fails };
}

metadataStoreSuite('the resilient store', async () =>
  createMetadataStore(await openResilientBackend({ open: async () => new MemoryBackend() })),
);
metadataStoreSuite('the resilient store over one that cannot be opened', async () =>
  createMetadataStore(await openResilientBackend({ open: noSpace })),
);
metadataStoreSuite('the resilient store on a full disk', async () =>
  createMetadataStore(await openResilientBackend({ open: async () => fullBackend() })),
);
metadataStoreSuite('the resilient store over a broken one', async () =>
  createMetadataStore(await openResilientBackend({ open: async () => brokenBackend() })),
);

describe('what goes wrong', () => {
  test.each<[string, unknown, string, string]>([
    [
      'a failure of the store',
      new MetadataStoreError('ERR_STORE_UNAVAILABLE', 'It is full'),
      'ERR_STORE_UNAVAILABLE',
      'It is full',
    ],
    [
      'any other error',
      new Error('no such luck'),
      'ERR_STORE_UNAVAILABLE',
      'Cannot use the metadata store: no such luck',
    ],
    ['what is no error', 'odd', 'ERR_STORE_UNAVAILABLE', 'Cannot use the metadata store: odd'],
  ])('%s when opening is told', async (_rule, error, code, message) => {
    await using backend = await openResilientBackend({ open: () => Promise.reject(error), onWarning });
    await backend.set('n', 'k', bytes('v'));
    expect(text(await backend.get('n', 'k'))).toBe('v');
    const told = `${message}; what cannot be kept there is remembered in memory only`;
    expect(warnings).toEqual([expect.objectContaining({ code, message: told })]);
  });

  test('later is told once, however much fails', async () => {
    await using backend = await openResilientBackend({ open: async () => brokenBackend(), onWarning });
    await Promise.all([
      backend.set('n', 'a', bytes('1')),
      backend.get('n', 'b'),
      backend.update('n', 'c', () => bytes('3')),
    ]);
    await backend.delete('n', 'a');
    expect(await backend.list?.('n')).toEqual(['c']);
    expect(warnings).toHaveLength(1);
  });

  test('is the caller’s fault when an argument is wrong', async () => {
    const fails = (): Promise<never> => Promise.reject(new TypeError('key'));
    await expect(openResilientBackend({ open: fails })).rejects.toThrow(TypeError);
    const open = async (): Promise<KeyValueBackend> => ({ ...brokenBackend(), get: fails });
    await using backend = await openResilientBackend({ open, onWarning });
    await expect(backend.get('n', '../k')).rejects.toThrow(TypeError);
    expect(warnings).toEqual([]);
  });

  test('is that it was closed', async () => {
    const backend = await openResilientBackend({ open: async () => new MemoryBackend(), onWarning });
    await backend[Symbol.asyncDispose]();
    await expect(backend.get('n', 'k')).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
  });
});

describe('on a full disk', () => {
  test('what is there is still read, and what changes is remembered on top of it', async () => {
    const inner = fullBackend();
    vi.mocked(inner.set).mockRestore();
    await inner.set('n', 'a', bytes('old a'));
    await inner.set('n', 'b', bytes('old b'));
    vi.spyOn(inner, 'set').mockImplementation(noSpace);
    await using backend = await openResilientBackend({ open: async () => inner, onWarning });
    expect(text(await backend.get('n', 'a'))).toBe('old a');
    await backend.update('n', 'a', (value) => bytes(`${text(value)}, new`));
    await backend.update('n', 'a', (value) => bytes(`${text(value)}, newer`));
    expect(text(await backend.get('n', 'a'))).toBe('old a, new, newer');
    await backend.delete('n', 'b');
    expect(await backend.get('n', 'b')).toBeUndefined();
    await backend.set('n', 'c', bytes('c'));
    expect((await backend.list?.('n'))?.toSorted()).toEqual(['a', 'c']);
    expect(warnings).toHaveLength(1);
  });

  test('what could not be deleted is not taken, as another process may take it too', async () => {
    const inner = fullBackend();
    vi.mocked(inner.set).mockRestore();
    await inner.set('n', 'k', bytes('v'));
    await using backend = await openResilientBackend({ open: async () => inner, onWarning });
    expect(await backend.take?.('n', 'k')).toBeUndefined();
    expect(await backend.get('n', 'k')).toBeUndefined();
  });

  test('what is written again once there is room is kept there again', async () => {
    const inner = new MemoryBackend();
    vi.spyOn(inner, 'set').mockImplementationOnce(noSpace);
    await using backend = await openResilientBackend({ open: async () => inner, onWarning });
    await backend.set('n', 'k', bytes('1'));
    expect(await inner.get('n', 'k')).toBeUndefined();
    await backend.set('n', 'k', bytes('2'));
    expect(text(await inner.get('n', 'k'))).toBe('2');
    await inner.set('n', 'k', bytes('3')); // another process
    expect(text(await backend.get('n', 'k'))).toBe('3');
  });

  test('no more than 10,000 values are remembered', async () => {
    await using backend = await openResilientBackend({ open: noSpace });
    for (let i = 0; i < 10_005; i += 1) await backend.set('n', String(i), bytes('v'));
    const keys = await backend.list?.('n');
    expect(keys).toHaveLength(10_000);
    expect(keys).not.toContain('4');
    expect(keys).toContain('5');
  });
});

describe('what never answers', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('when opening is not waited for, and is closed should it open after all', async () => {
    const late = new MemoryBackend();
    const close = vi.spyOn(late, Symbol.asyncDispose);
    const open = (): Promise<KeyValueBackend> => new Promise((resolve) => setTimeout(() => resolve(late), 2_000));
    const opening = openResilientBackend({ open, name: 'the store in /x', onWarning, timeoutMs: 1_000 });
    await vi.advanceTimersByTimeAsync(1_000);
    await using backend = await opening;
    expect(await backend.get('n', 'k')).toBeUndefined();
    expect(warnings.map(({ code, message }) => [code, message])).toEqual([
      ['ERR_STORE_LOCKED', expect.stringMatching(/^Cannot use the store in \/x: no answer for 1000 ms; /)],
    ]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(close).toHaveBeenCalledOnce();
  });

  test('later is left alone for a while, then asked again', async () => {
    const inner = new MemoryBackend();
    await inner.set('n', 'k', bytes('v'));
    const get = vi.spyOn(inner, 'get').mockImplementationOnce(never);
    const options = { open: async () => inner, onWarning, timeoutMs: 1_000, pauseMs: 30_000 };
    await using backend = await openResilientBackend(options);
    const reading = backend.get('n', 'k');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await reading).toBeUndefined();
    expect(await backend.get('n', 'k')).toBeUndefined();
    expect(get).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(text(await backend.get('n', 'k'))).toBe('v');
    expect(warnings).toHaveLength(1);
  });

  test('when closing is not waited for', async () => {
    const inner = new MemoryBackend();
    vi.spyOn(inner, Symbol.asyncDispose).mockImplementation(never);
    const store = createMetadataStore(await openResilientBackend({ open: async () => inner, timeoutMs: 1_000 }));
    await store.rememberBlobSize(digest, 1);
    const closing = store[Symbol.asyncDispose]();
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(closing).resolves.toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });
});
