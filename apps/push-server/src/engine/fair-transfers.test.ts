import { expect, test } from 'vitest';
import { createFairTransfers, type FairTransfers } from './fair-transfers.ts';

const size = 10 * 1024 * 1024; // a large one, which takes a slot of its own
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Transfers that go on until they are ended. */
function startMany(transfers: FairTransfers, principal: string, host: string, many: number) {
  const ends: (() => void)[] = [];
  const done = transfers.as(principal, async () => {
    const all = Array.from({ length: many }, (_, at) =>
      transfers.transfer({
        key: `${principal} ${host} ${at}`,
        host,
        size,
        run: ({ signal }) =>
          new Promise<void>((resolve, reject) => {
            ends.push(resolve);
            signal.addEventListener('abort', () => reject(signal.reason));
          }),
      }),
    );
    await Promise.allSettled(all.map(({ result }) => result));
  });
  return { ends, done };
}
const activeOf = (transfers: FairTransfers): object =>
  Object.fromEntries(
    transfers.holders().map(({ registry, principal, active }) => [`${principal} ${registry}`, active]),
  );

test('a registry that does not answer takes no slot of another', async () => {
  const transfers = createFairTransfers({ concurrency: 5 });
  startMany(transfers, 'a', 'slow', 20);
  const healthy = startMany(transfers, 'a', 'healthy', 2);
  await turn();
  expect(activeOf(transfers)).toEqual({ 'a slow': 5, 'a healthy': 2 });
  for (const end of healthy.ends) end();
  await healthy.done;
  expect(transfers.holders()).toEqual([{ registry: 'slow', principal: 'a', active: 5, waiting: 15 }]);
  await transfers[Symbol.asyncDispose]();
});

test('the principals of a registry share it, and one that is alone has it all again', async () => {
  const transfers = createFairTransfers({ concurrency: 4 });
  const greedy = startMany(transfers, 'greedy', 'r', 20);
  await turn();
  const modest = startMany(transfers, 'modest', 'r', 2);
  await turn();
  expect(activeOf(transfers)).toEqual({ 'greedy r': 4, 'modest r': 0 });
  greedy.ends[0]?.();
  greedy.ends[1]?.();
  await turn();
  await turn();
  expect(activeOf(transfers)).toEqual({ 'greedy r': 2, 'modest r': 2 });
  for (const end of modest.ends) end();
  await modest.done;
  await turn();
  expect(activeOf(transfers)).toEqual({ 'greedy r': 4 });
  await transfers[Symbol.asyncDispose]();
});

test('a registry that asks for less gets less, and only that one', async () => {
  const transfers = createFairTransfers({ concurrency: 4 });
  startMany(transfers, 'a', 'busy', 9);
  startMany(transfers, 'a', 'quiet', 9);
  const record = { method: 'PUT', status: 429, sentBytes: 5, durationMs: 1 };
  transfers.observe('busy', record);
  transfers.observe('unknown', record);
  expect([transfers.limitOf('busy'), transfers.limitOf('quiet')]).toEqual([2, 4]);
  await transfers[Symbol.asyncDispose]();
  await expect(transfers.transfer({ key: 'late', host: 'busy', run: async () => {} }).result).rejects.toMatchObject({
    code: 'ERR_TRANSFER_CLOSED',
  });
});
