import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { optionTable } from '@slipway/client/options';
import { temporaryFolder } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { readConfig } from './read-config.ts';
import { settings } from './server-config.ts';
import { bytes, duration, fileMode, longestTimer, type Setting } from './settings.ts';

const nothing = { flags: {}, variables: {}, file: undefined };

async function configOf(text: string, { flags = {}, variables = {} }: Partial<typeof nothing> = {}) {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'slipwayd.json');
  await writeFile(file, text);
  return await readConfig({ flags, variables, file });
}

test('what nobody sets is as the table of settings says', async () => {
  const initial = Object.fromEntries(Object.entries(settings).map(([key, setting]) => [key, setting.initial]));
  expect(await readConfig(nothing)).toEqual(initial);
});

test('a default that help shows is read as the default', () => {
  for (const { name, kind, initial } of Object.values(settings) as readonly Setting<unknown>[]) {
    if (kind.write === undefined || initial === undefined || initial === null) continue;
    expect([name, kind.read(kind.write(initial))]).toEqual([name, initial]);
  }
});

test.each([
  [bytes, 1_500, '1500'],
  [bytes, 3 * 2 ** 40, '3TiB'],
  [bytes, 0, '0'],
  [duration(0, longestTimer), 1_500, '1500ms'],
  [duration(0, longestTimer), 7_200_000, '2h'],
  [duration(0, longestTimer), 0, '0s'],
  [fileMode, 0o7, '0007'],
])('%o writes %d as %s', (kind, value, text) => {
  expect([kind.write?.(value), kind.read(text)]).toEqual([text, value]);
});

test('a flag beats a variable, a variable beats the file', async () => {
  const file = '{ "concurrency": 2, "retries": 2, "data-dir": "/two" } // said by the file';
  const variables = { SLIPWAYD_CONCURRENCY: '3', SLIPWAYD_RETRIES: '3', HOME: '/root' };
  const config = await configOf(file, { variables, flags: { concurrency: '4' } });
  expect(config).toMatchObject({ concurrency: 4, retries: 3, dataDir: '/two' });
});

test('a byte order mark before the file’s text is none of it', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'slipwayd.json');
  await writeFile(file, '\uFEFF{ "concurrency": 7 }');
  expect(await readConfig({ flags: {}, variables: {}, file })).toMatchObject({ concurrency: 7 });
});

test('comments in the file are no settings, and // in a text is no comment', async () => {
  const file = '/* where\nto listen */ { "host": ["unix:///run/a.sock"] // here\n }';
  expect((await configOf(file)).hosts).toEqual(['unix:///run/a.sock']);
});

test.each([
  ['max-load-size', '20GB', { maxLoadSize: 20e9 }],
  ['max-load-size', '1.5GiB', { maxLoadSize: 1.5 * 2 ** 30 }],
  ['shutdown-timeout', '5m', { shutdownTimeoutMs: 300_000 }],
  ['timeout', '40s', { timeoutMs: 40_000 }],
  ['socket-mode', '0600', { socketMode: 0o600 }],
  ['insecure-registry', 'a:5000, 10.0.0.0/8', { insecureRegistries: ['a:5000', '10.0.0.0/8'] }],
  ['allow-nondistributable', 'true', { allowNondistributable: true }],
  ['allow-nondistributable', 'false', { allowNondistributable: false }],
  ['allow-nondistributable', 'a:5000, 10.0.0.0/8', { allowNondistributable: ['a:5000', '10.0.0.0/8'] }],
])('%s of %s', async (name, value, expected) => {
  const variable = `SLIPWAYD_${name.toUpperCase().replaceAll('-', '_')}`;
  expect(await readConfig({ ...nothing, variables: { [variable]: value } })).toMatchObject(expected);
});

test('two ports that the system chooses are two listeners', async () => {
  const host = ['tcp://127.0.0.1:0', 'tcp://127.0.0.1:0'];
  expect((await readConfig({ ...nothing, flags: { host } })).hosts).toEqual(host);
});

test('a format alone contradicts no default', async () => {
  expect(await readConfig({ ...nothing, flags: { format: 'v1' } })).toMatchObject({ format: 'v1', protocol: 'v2' });
});

describe('a wrong setting is named with its place, and all of them at once', () => {
  test.each([
    [{ flags: { concurrency: '0' } }, '--concurrency: expected a whole number from 1 to 1000, got "0"'],
    [{ flags: { 'data-dir': 'here' } }, '--data-dir: expected an absolute path, got "here"'],
    [{ flags: { host: ['tcp://nowhere'] } }, 'expected unix://PATH, tcp://HOST:PORT or fd://'],
    [
      { flags: { host: ['unix:///run/x', 'tcp://[::1]:80', 'tcp://[::1]:080'] } },
      '--host: tcp://[::1]:80 is given twice',
    ],
    [{ flags: { host: ['fd://', 'fd://'] } }, '--host: fd:// is given twice'],
    [{ flags: { host: ['unix://run/x'] } }, 'the path of the socket has to be absolute'],
    [{ flags: { 'insecure-registry': ['svn://a.example'] } }, `"svn://a.example" should not contain '://'`],
    [
      { flags: { 'insecure-registry': ['fine:5000', '-bad'] } },
      '"-bad" is not valid: cannot begin or end with a hyphen',
    ],
    [{ flags: { 'insecure-registry': ['10.0.0.0/99'] } }, '--insecure-registry: insecure registry "10.0.0.0/99"'],
    [{ variables: { SLIPWAYD_INSECURE_REGISTRY: 'a.example:500000' } }, 'invalid port "500000"'],
    [{ flags: { 'insecure-registry': ['"a.example"'] } }, 'invalid host "\\"a.example\\""'],
    [{ flags: { 'allow-nondistributable': ['http://a.example'] } }, '"http://a.example" should not contain'],
    [
      { flags: { 'allow-nondistributable': [7] } },
      'expected true, false, or a list, each a text that is not empty, got [7]',
    ],
    [{ variables: { SLIPWAYD_ALLOW_REGISTRY: 'a.example,,b.example' } }, 'SLIPWAYD_ALLOW_REGISTRY: expected a list'],
    [{ variables: { SLIPWAYD_REDIS: ' ' } }, 'SLIPWAYD_REDIS: expected a text that is not empty'],
    [{ flags: { 'docker-metadata-write': true } }, '--docker-metadata-write needs --docker-metadata'],
    [{ flags: { protocol: 'v1', format: 'docker' } }, '--protocol v1 excludes --format docker'],
    [{ flags: { protocol: 'v2' }, variables: { SLIPWAYD_FORMAT: 'v1' } }, '--protocol v2 excludes --format v1'],
    [{ flags: { 'tls-cert': '/c' } }, '--tls-cert and --tls-key go together'],
    [{ variables: { SLIPWAYD_IDLE_TIMEOUT: '60' } }, 'SLIPWAYD_IDLE_TIMEOUT: expected a duration'],
    [{ variables: { SLIPWAYD_CONCURENCY: '6' } }, 'SLIPWAYD_CONCURENCY: there is no such setting'],
  ])('%j', async (sources, text) => {
    await expect(readConfig({ ...nothing, ...sources })).rejects.toMatchObject({
      code: 'ERR_SERVER_CONFIG',
      message: expect.stringContaining(text),
    });
  });

  test.each([
    ['idle-timeout', '25d', 'from 0s to 24d, got "25d"'],
    ['shutdown-timeout', '36500d', 'from 0s to 24d, got "36500d"'],
    ['gc-interval', '600h', 'from 1s to 24d, got "600h"'],
    ['gc-interval', '0s', 'from 1s to 24d, got "0s"'],
    ['timeout', '0ms', 'from 1ms to 1d, got "0ms"'],
    ['timeout', '25h', 'from 1ms to 1d, got "25h"'],
    ['job-retention', '4000d', 'from 0s to 3650d, got "4000d"'],
    ['job-lease', '999ms', 'from 1s to 1d, got "999ms"'],
    ['retries', '1001', 'expected a whole number from 0 to 1000, got "1001"'],
  ])('--%s %s', async (name, value, text) => {
    await expect(readConfig({ ...nothing, flags: { [name]: value } })).rejects.toThrow(text);
  });

  test('no duration that is taken is longer than what waits for it can wait', async () => {
    const longest = { 'idle-timeout': '24d', 'shutdown-timeout': '24d', 'gc-interval': '24d', 'job-lease': '24h' };
    const config = await readConfig({ ...nothing, flags: { ...longest, timeout: '24h', 'job-retention': '3650d' } });
    const { idleTimeoutMs, shutdownTimeoutMs, gcIntervalMs, jobLeaseMs, timeoutMs, jobRetentionMs } = config;
    for (const ms of [idleTimeoutMs, shutdownTimeoutMs, gcIntervalMs, jobLeaseMs]) expect(ms).toBeLessThan(2 ** 31);
    expect(optionTable.timeout.kind.read(timeoutMs)).toBe(timeoutMs);
    expect(new Date(Date.now() - jobRetentionMs).toISOString()).toMatch(/^20/);
  });

  test('in the file', async () => {
    const wrong = configOf('{ "concurrency": "many", "colour": "red", "retries": -1 }');
    await expect(wrong).rejects.toThrow(/"colour": there is no such setting[\s\S]*"concurrency": [\s\S]*"retries": /);
    await expect(configOf('[1]')).rejects.toThrow('expected a JSON object');
    await expect(configOf('{ "a": }')).rejects.toThrow('JSON');
    await expect(readConfig({ ...nothing, file: '/nowhere/config.json' })).rejects.toThrow('ENOENT');
  });
});
