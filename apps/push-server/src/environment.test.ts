import { homedir } from 'node:os';
import { expect, test, vi } from 'vitest';
import { readEnvironment } from './environment.ts';

vi.mock('node:os', async (original) => {
  const os = await original<typeof import('node:os')>();
  return { ...os, homedir: vi.fn(os.homedir) };
});

test('a user number that no list of users has is a user without a home folder, and no crash', () => {
  vi.mocked(homedir).mockImplementation(() => {
    throw Object.assign(new Error('uv_os_homedir returned ENOENT'), { code: 'ERR_SYSTEM_ERROR' });
  });
  expect(readEnvironment({}).homeFolder).toBeUndefined();
  expect(readEnvironment({ HOME: '/home/me' }).homeFolder).toBe('/home/me');
});
