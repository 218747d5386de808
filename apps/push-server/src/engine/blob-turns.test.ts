import { describe, expect, test, vi } from 'vitest';
import type { SharedLocks } from '../jobs/queue/shared-locks.ts';
import { createBlobTurns } from './blob-turns.ts';

/** Locks of one process, which tell what is done with them. */
function fakeLocks(): SharedLocks & { readonly told: string[]; free(): void } {
  const told: string[] = [];
  let free = (): void => {};
  return {
    told,
    free: () => free(),
    async take(name, { signal, onWaiting }) {
      told.push(`take ${name}`);
      if (told.filter((each) => each.startsWith('take')).length > 1) {
        onWaiting?.();
        await new Promise<void>((resolve, reject) => {
          free = resolve;
          signal?.addEventListener('abort', () => reject(signal.reason));
        });
      }
      return { [Symbol.asyncDispose]: async () => void told.push(`give back ${name}`) };
    },
  };
}

const turn = { registry: 'r.test', repository: 'r.test/a', blob: 'sha256:1' };

describe('turns at blobs', () => {
  test('pushes of one scope to one repository share a lock, which the last of them gives back', async () => {
    const locks = fakeLocks();
    const turns = createBlobTurns(locks)('me');
    const first = await turns.take(turn, {});
    const second = await turns.take(turn, {});
    await first[Symbol.asyncDispose]();
    expect(locks.told).toEqual(['take r.test sha256:1']);
    await second[Symbol.asyncDispose]();
    expect(locks.told).toEqual(['take r.test sha256:1', 'give back r.test sha256:1']);
  });

  test('another repository waits for the same lock, and so does another scope', async () => {
    const locks = fakeLocks();
    const turnsOf = createBlobTurns(locks);
    await using _mine = await turnsOf('me').take(turn, {});
    const onWaiting = vi.fn();
    const elsewhere = turnsOf('me').take({ ...turn, repository: 'r.test/b' }, { onWaiting });
    const joined = turnsOf('me').take({ ...turn, repository: 'r.test/b' }, { onWaiting });
    expect(onWaiting).toHaveBeenCalledTimes(2);
    locks.free();
    await Promise.all([elsewhere, joined]);
    void turnsOf('you').take(turn, {});
    expect(locks.told).toEqual(Array.from({ length: 3 }, () => 'take r.test sha256:1'));
  });

  test('who leaves the line does not end the waiting of those who stay; the last one does', async () => {
    const locks = fakeLocks();
    const turns = createBlobTurns(locks)('me');
    await using _other = await turns.take(turn, {});
    const elsewhere = { ...turn, repository: 'r.test/b' };
    const leaving = new AbortController();
    const left = turns.take(elsewhere, { signal: leaving.signal });
    const stays = turns.take(elsewhere, {});
    leaving.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
    locks.free();
    await (await stays)[Symbol.asyncDispose]();
    expect(locks.told.at(-1)).toBe('give back r.test sha256:1');

    const last = new AbortController();
    const alone = turns.take({ ...turn, repository: 'r.test/c' }, { signal: last.signal });
    last.abort(new Error('enough'));
    await expect(alone).rejects.toThrow('enough');
  });
});
