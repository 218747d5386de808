import type { KeyValueBackend } from '@slipway/metadata-store';
import { expect, test } from 'vitest';
import { patientBackend } from './patient-backend.ts';
import { RedisUnavailable } from './redis-health.ts';

test('any number of those who wait for Redis get what they asked for, and Node has nothing to warn of', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): number => warnings.push(warning);
  process.on('warning', onWarning);
  try {
    const failures = new Map<string, number>();
    const away = {
      async get(_namespace: string, key: string) {
        const times = failures.get(key) ?? 0;
        failures.set(key, times + 1);
        if (times === 0) throw new RedisUnavailable(503, 'Redis does not answer');
        return Buffer.from(key);
      },
    } as unknown as KeyValueBackend;
    const backend = patientBackend(away, new AbortController().signal);
    const keys = Array.from({ length: 30 }, (_, at) => `${at}`);
    const found = await Promise.all(keys.map((key) => backend.get('n', key)));
    expect(found.map(String)).toEqual(keys);
    expect(warnings).toEqual([]);
  } finally {
    process.off('warning', onWarning);
  }
});

test('the end of the daemon is the end of the waiting', async () => {
  const controller = new AbortController();
  const away = { get: () => Promise.reject(new RedisUnavailable(503, 'away')) } as unknown as KeyValueBackend;
  const asked = patientBackend(away, controller.signal).get('n', 'k');
  controller.abort(new Error('the daemon is shutting down'));
  await expect(asked).rejects.toThrow('shutting down');
});
