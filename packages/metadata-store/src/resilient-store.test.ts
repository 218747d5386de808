import type { Digest } from '@slipway/digest';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MetadataStoreError } from './errors.ts';
import { createMemoryMetadataStore } from './memory-store.ts';
import type { MetadataStore } from './metadata-store.ts';
import { openResilientMetadataStore } from './resilient-store.ts';
import { metadataStoreSuite } from './suite.ts';

const digest = `sha256:${'b'.repeat(64)}` as Digest;
const v1ID = 'f0'.repeat(32);
const never = (): Promise<never> => new Promise(() => {});
const corrupt = (aside?: string) =>
  new MetadataStoreError('ERR_STORE_CORRUPT', 'The store is damaged', { setAside: async () => aside });

let warnings: MetadataStoreError[];
const onWarning = (warning: MetadataStoreError): void => void warnings.push(warning);
beforeEach(() => {
  warnings = [];
});

metadataStoreSuite('the resilient store', () =>
  openResilientMetadataStore({ open: async () => createMemoryMetadataStore() }),
);

const failingOpen = async (error: unknown) => Promise.reject(error);

metadataStoreSuite('the resilient store without a store', () =>
  openResilientMetadataStore({ open: () => failingOpen(new Error('no')) }),
);

describe('what goes wrong when opening', () => {
  test.each<[string, unknown, string, string]>([
    [
      'a locked store',
      new MetadataStoreError('ERR_STORE_LOCKED', 'It is locked'),
      'ERR_STORE_LOCKED',
      'It is locked; this run remembers in memory only',
    ],
    [
      'any other error',
      new Error('no such luck'),
      'ERR_STORE_UNAVAILABLE',
      'Cannot use the metadata store: no such luck; this run remembers in memory only',
    ],
    [
      'a store that stays damaged',
      corrupt('/x'),
      'ERR_STORE_CORRUPT',
      'The store is damaged; this run remembers in memory only',
    ],
  ])('%s is reported, and memory used', async (_rule, error, code, message) => {
    await using store = await openResilientMetadataStore({ open: () => failingOpen(error), onWarning });
    await store.rememberBlobSize(digest, 7);
    expect(await store.blobSize(digest)).toBe(7);
    expect(warnings).toEqual([expect.objectContaining({ code, message })]);
  });

  test.each([
    [
      'moved aside here: one warning says where',
      '/x.corrupt-1',
      ['The store is damaged; it was moved to /x.corrupt-1 and is started anew'],
    ],
    ['moved aside by another process: no warning', undefined, []],
  ])('a damaged store, %s', async (_rule, aside, messages) => {
    const fresh = createMemoryMetadataStore();
    const open = vi
      .fn<() => Promise<MetadataStore>>()
      .mockRejectedValueOnce(corrupt(aside))
      .mockResolvedValueOnce(fresh);
    await using store = await openResilientMetadataStore({ open, onWarning });
    await store.rememberBlobSize(digest, 7);
    expect(await fresh.blobSize(digest)).toBe(7);
    expect(warnings.map((warning) => warning.message)).toEqual(messages);
  });

  test('a damaged store that cannot be moved is replaced by memory', async () => {
    const error = new MetadataStoreError('ERR_STORE_CORRUPT', 'The store is damaged', {
      setAside: () => failingOpen(new Error('no')),
    });
    await using store = await openResilientMetadataStore({ open: () => failingOpen(error), onWarning });
    expect(await store.blobSize(digest)).toBeUndefined();
    expect(warnings).toHaveLength(1);
  });

  test('a wrong argument is the caller’s fault', async () => {
    await expect(openResilientMetadataStore({ open: () => failingOpen(new TypeError('folder')) })).rejects.toThrow(
      TypeError,
    );
  });
});

describe('what goes wrong later', () => {
  test('the operation is done in memory, and one warning given for all that fail together', async () => {
    const broken = createMemoryMetadataStore();
    vi.spyOn(broken, 'rememberBlobSize').mockRejectedValue(corrupt('/x'));
    await using store = await openResilientMetadataStore({ open: async () => broken, onWarning });
    await Promise.all([store.rememberBlobSize(digest, 7), store.rememberBlobSize(digest, 7)]);
    expect(await store.blobSize(digest)).toBe(7);
    expect(warnings.map((warning) => warning.message)).toEqual([
      'The store is damaged; this run remembers in memory only; the damage is now in /x',
    ]);
  });

  test('wrong arguments still reject, and the store stays', async () => {
    await using store = await openResilientMetadataStore({ open: async () => createMemoryMetadataStore(), onWarning });
    await expect(store.rememberBlobSize(digest, -1)).rejects.toThrow(RangeError);
    await expect(store.v1Layer('docker.io', 'x')).rejects.toThrow(TypeError);
    expect(warnings).toEqual([]);
  });

  test('a closed store takes nothing', async () => {
    const store = await openResilientMetadataStore({ open: async () => createMemoryMetadataStore(), onWarning });
    await store[Symbol.asyncDispose]();
    await expect(store.v1Layer('docker.io', v1ID)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
  });
});

describe('what never answers counts as locked', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('when opening; what opens too late is closed', async () => {
    const late = createMemoryMetadataStore();
    const close = vi.spyOn(late, Symbol.asyncDispose);
    const opening = openResilientMetadataStore({
      open: () => new Promise((resolve) => setTimeout(() => resolve(late), 2_000)),
      onWarning,
      timeoutMs: 1_000,
    });
    await vi.advanceTimersByTimeAsync(1_000);
    await using store = await opening;
    expect(await store.blobSize(digest)).toBeUndefined();
    expect(warnings).toEqual([expect.objectContaining({ code: 'ERR_STORE_LOCKED' })]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(close).toHaveBeenCalledOnce();
  });

  test('in an operation, and in closing', async () => {
    const hanging = createMemoryMetadataStore();
    vi.spyOn(hanging, 'blobSize').mockImplementation(never);
    vi.spyOn(hanging, Symbol.asyncDispose).mockImplementation(never);
    const store = await openResilientMetadataStore({ open: async () => hanging, onWarning, timeoutMs: 1_000 });
    const size = store.blobSize(digest);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await size).toBeUndefined();
    expect(warnings).toEqual([expect.objectContaining({ code: 'ERR_STORE_LOCKED' })]);
    const closing = store[Symbol.asyncDispose]();
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(closing).resolves.toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });
});
