import type { KeyValueBackend } from '@slipway/metadata-store';
import { expect, test } from 'vitest';
import { type Cost, jobCosts } from './job-costs.ts';

/** Bytes by namespace and key. */
function memoryBackend(): KeyValueBackend {
  const spaces = new Map<string, Map<string, Uint8Array>>();
  const space = (namespace: string): Map<string, Uint8Array> => {
    const found = spaces.get(namespace) ?? new Map<string, Uint8Array>();
    spaces.set(namespace, found);
    return found;
  };
  return {
    get: async (namespace, key) => space(namespace).get(key),
    async set(namespace, key, value) {
      space(namespace).set(key, value);
    },
    async delete(namespace, key) {
      space(namespace).delete(key);
    },
    async update(namespace, key, change) {
      const value = change(space(namespace).get(key));
      if (value === undefined) space(namespace).delete(key);
      else space(namespace).set(key, value);
    },
    list: async (namespace) => [...space(namespace).keys()],
    async [Symbol.asyncDispose]() {},
  };
}

const exact = (costs: Readonly<Record<string, Cost>>): Record<string, readonly [number, number]> =>
  Object.fromEntries(Object.entries(costs).map(([name, { reads, listed }]) => [name, [reads, listed] as const]));

test('what is done often costs the same, however many jobs there are', async () => {
  const few = exact(await jobCosts(4_000, memoryBackend()));
  const many = exact(await jobCosts(8_000, memoryBackend()));
  expect(few['start']).toEqual([4_000, 4_000]);
  expect(many['start']).toEqual([8_000, 8_000]);
  const { start: _few, ...own } = few;
  const { start: _many, ...others } = many;
  expect(others).toEqual(own);
  expect(own).toEqual({
    submit: [1, 0],
    'submit again': [2, 0],
    'look at one': [1, 0],
    status: [61, 0],
    'status of one team': [50, 0],
    'list, first page': [101, 0],
    'list, last page': [50, 0],
    'list, failed ones': [10, 0],
    'list, a label that none has': [1_000, 0],
    'after a job': [1, 0],
    'tidy up': [31, 0],
  });
});
