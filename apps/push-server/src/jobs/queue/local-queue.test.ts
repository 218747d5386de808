import { expect, test, vi } from 'vitest';
import type { QueuedJob } from './job-queue.ts';
import { createJobShares } from './job-shares.ts';
import { createLocalQueue } from './local-queue.ts';

function held(): {
  readonly started: string[];
  readonly ends: Map<string, () => void>;
  work(id: string): Promise<'done'>;
} {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    started,
    ends,
    work(id) {
      started.push(id);
      return new Promise((resolve) => ends.set(id, () => resolve('done')));
    },
  };
}

const job = (id: string): QueuedJob => ({
  id,
  home: 'here',
  principal: 'local',
  destinations: [{ reference: `${id}/a:1`, state: 'pending' }],
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('so many at once, in the order added, each once', async () => {
  const { started, ends, work } = held();
  const queue = createLocalQueue({ shares: createJobShares({ concurrency: 2 }) });
  for (const id of ['a', 'b', 'c', 'b']) await queue.add(job(id));
  await queue.start(work);
  await queue.add(job('a'));
  expect(started).toEqual(['a', 'b']);
  ends.get('b')?.();
  await turn();
  expect(started).toEqual(['a', 'b', 'c']);
});

test('what is taken back, or comes after a pause, is not begun', async () => {
  const { started, ends, work } = held();
  const queue = createLocalQueue({ shares: createJobShares({ concurrency: 1 }) });
  await queue.start(work);
  for (const id of ['a', 'b', 'c']) await queue.add(job(id));
  await queue.remove(job('b'));
  ends.get('a')?.();
  await turn();
  expect(started).toEqual(['a', 'c']);
  await queue.pause();
  await queue.add(job('d'));
  ends.get('c')?.();
  await turn();
  expect(started).toEqual(['a', 'c']);
});

test('one that may not begin lets others go first, and goes on when somebody says so, or by itself', async () => {
  const { started, work } = held();
  const queue = createLocalQueue({ shares: createJobShares({ concurrency: 4 }), againMs: 1 });
  const heldBack = new Set(['b', 'c']);
  await queue.start(work, (id) => !heldBack.has(id));
  for (const id of ['a', 'b', 'c', 'd']) await queue.add(job(id));
  expect(started).toEqual(['a', 'd']);
  heldBack.delete('b');
  queue.look();
  expect(started).toEqual(['a', 'd', 'b']);
  heldBack.delete('c');
  await vi.waitFor(() => expect(started).toEqual(['a', 'd', 'b', 'c']));
  await queue.pause();
});

test('work that fails gives its place to the next; disposing aborts what runs and waits for it', async () => {
  const queue = createLocalQueue({ shares: createJobShares({ concurrency: 1 }) });
  let aborted = false;
  await queue.start(async (id, signal) => {
    if (id === 'bad') throw new Error('bad');
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    aborted = true;
    return 'handed-over';
  });
  await queue.add(job('bad'));
  await queue.add(job('good'));
  await turn();
  await queue[Symbol.asyncDispose]();
  expect(aborted).toBe(true);
});

test('what could not be worked on is tried again: there is no other daemon for it', async () => {
  const queue = createLocalQueue({ shares: createJobShares({ concurrency: 1 }), againMs: 1 });
  const started: string[] = [];
  const again = new Promise<void>((resolve) => {
    void queue.start(async (id) => {
      started.push(id);
      if (started.length === 1) throw new Error('the store cannot be written');
      if (started.length === 2) return 'handed-over';
      resolve();
      return 'done';
    });
  });
  await queue.add(job('a'));
  await again;
  await queue[Symbol.asyncDispose]();
  expect(started).toEqual(['a', 'a', 'a']);
});
