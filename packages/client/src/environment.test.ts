import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readEnvironment } from './environment.ts';

describe('readEnvironment', () => {
  test('SLIPWAY_DATA_DIR names the data folder', () => {
    expect(readEnvironment({ SLIPWAY_DATA_DIR: '/data' }).dataFolder).toBe('/data');
    expect(readEnvironment({}).dataFolder).toMatch(/[/\\]slipway/);
  });

  test.skipIf(process.platform !== 'linux').each<[NodeJS.ProcessEnv, string]>([
    [{ HOME: '/home/me' }, '/home/me/.local/share/slipway'],
    [{ HOME: '/home/me', XDG_DATA_HOME: '/data' }, '/data/slipway'],
    [{ HOME: '/home/me', XDG_DATA_HOME: 'data' }, '/home/me/.local/share/slipway'],
    [{ HOME: '/home/me', XDG_DATA_HOME: '' }, '/home/me/.local/share/slipway'],
    [{ HOME: '/', SLIPWAY_DATA_DIR: '/data' }, '/data'],
  ])('%j has its data in %s', (variables, folder) => {
    expect(readEnvironment(variables).dataFolder).toBe(folder);
  });

  test('DOCKER_CONFIG names the folder, or the file in it', () => {
    const file = fileURLToPath(import.meta.url);
    expect(readEnvironment({ DOCKER_CONFIG: '/etc/docker' }).dockerConfigFolder).toBe('/etc/docker');
    expect(readEnvironment({ DOCKER_CONFIG: file }).dockerConfigFolder).toBe(dirname(file));
    expect(readEnvironment({ HOME: '/home/me' }).dockerConfigFolder).toBe('/home/me/.docker');
  });
});
