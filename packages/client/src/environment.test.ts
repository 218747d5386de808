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

  test.each([
    [{ LANG: 'en_US.UTF-8' }, true],
    [{ LC_ALL: 'C', LANG: 'en_US.UTF-8' }, false],
    [{ LC_CTYPE: 'C.utf8' }, true],
    [{}, false],
  ])('%j has unicode: %s', (variables, expected) => {
    expect(readEnvironment(variables).hasUnicode).toBe(expected);
  });

  test.each([
    [{}, true],
    [{ NO_COLOR: '1' }, false],
    [{ NO_COLOR: '' }, true],
    [{ TERM: 'dumb' }, false],
  ])('%j has colour: %s', (variables, expected) => {
    expect(readEnvironment(variables).hasColour).toBe(expected);
  });

  test.each([
    [{ CI: 'true' }, true],
    [{ CI: 'false' }, false],
    [{}, false],
  ])('%j is CI: %s', (variables, expected) => {
    expect(readEnvironment(variables).isCI).toBe(expected);
  });
});
