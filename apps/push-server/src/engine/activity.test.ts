import { expect, test } from 'vitest';
import { createActivity } from './activity.ts';

test('more of a kind than its limit is refused with 503, and room is room again', () => {
  const activity = createActivity({ push: 2 });
  const first = activity.begin('push');
  activity.begin('push');
  expect(() => activity.begin('push')).toThrow(expect.objectContaining({ status: 503 }));
  expect(() => activity.begin('load')).not.toThrow();
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  expect(activity.running('push')).toBe(1);
  expect(() => activity.begin('push')).not.toThrow();
});

test('closing waits for what runs, and lets nothing begin', async () => {
  const activity = createActivity({});
  const work = activity.begin('push');
  let heard = 0;
  activity.onClosing(() => {
    heard += 1;
  });
  const closed = activity.close(60_000);
  expect(heard).toBe(1);
  expect(activity.isClosing).toBe(true);
  expect(() => activity.begin('push')).toThrow('shutting down');
  expect(work.signal.aborted).toBe(false);
  work[Symbol.dispose]();
  await closed;
});

test('what does not end in time is aborted, and waited for', async () => {
  const activity = createActivity({});
  const work = activity.begin('load');
  work.signal.addEventListener('abort', () => work[Symbol.dispose]());
  await activity.close(0);
  expect(work.signal.reason).toMatchObject({ message: 'the daemon is shutting down' });
});

test('whoever closes it, closes it: two at once both hear of the end', async () => {
  const activity = createActivity({});
  const work = activity.begin('push');
  const closing = Promise.all([activity.close(60_000), activity.close(60_000)]);
  work[Symbol.dispose]();
  await closing;
  expect(activity.running('push')).toBe(0);
});

test('one principal leaves room for the others', () => {
  const activity = createActivity({ load: 4 });
  const own = Array.from({ length: 3 }, () => activity.begin('load', 'a'));
  expect(() => activity.begin('load', 'a')).toThrow('too many at once of one client: 3 of 4 (load)');
  using _other = activity.begin('load', 'b');
  expect(() => activity.begin('load', 'c')).toThrow('too many at once: 4 of 4 (load)');
  own[0]?.[Symbol.dispose]();
  using _again = activity.begin('load', 'a');
});
