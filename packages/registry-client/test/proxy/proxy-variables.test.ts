import { createFakeHome, type FakeHome } from '@slipway/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readProxyVariables } from '../../src/proxy/proxy-variables.ts';

let home: FakeHome;
beforeEach(async () => {
  home = await createFakeHome();
});
afterEach(() => home[Symbol.asyncDispose]());

const read = (env: Record<string, string> = {}) => readProxyVariables({ env, homeFolder: home.homeFolder });
const proxies = {
  default: {
    httpProxy: 'http://docker:1',
    httpsProxy: 'http://docker:2',
    noProxy: 'quay.io',
    ftpProxy: 'ftp://x',
    allProxy: '',
  },
};

test('without a docker configuration only the environment counts, and of that only what concerns proxies', async () => {
  expect(await read({ HTTPS_PROXY: 'http://env:1', no_proxy: 'ghcr.io', PATH: '/bin' })).toEqual({
    HTTPS_PROXY: 'http://env:1',
    no_proxy: 'ghcr.io',
  });
});

test("docker's proxies stand in where the environment names none", async () => {
  await home.write('.docker/config.json', { proxies });
  expect(await read()).toEqual({ HTTP_PROXY: 'http://docker:1', HTTPS_PROXY: 'http://docker:2', NO_PROXY: 'quay.io' });
  expect(await read({ NO_PROXY: 'ghcr.io' })).toMatchObject({ HTTP_PROXY: 'http://docker:1', NO_PROXY: 'ghcr.io' });
});

test("the environment's proxies are not mixed with docker's", async () => {
  await home.write('.docker/config.json', { proxies });
  expect(await read({ http_proxy: 'http://env:1' })).toEqual({ http_proxy: 'http://env:1' });
});

test.each([
  [{ proxies: 'x' }],
  [{ proxies: null }],
  [{ proxies: { default: null } }],
  [{ proxies: { default: { httpProxy: null } } }],
  [{ proxies: { default: [] } }],
  [{ proxies: { default: { httpProxy: 5 } } }],
  [{}],
])('%j has no proxies', async (content) => {
  await home.write('.docker/config.json', content);
  expect(await read()).toEqual({});
});

test('a docker configuration that cannot be understood has no proxies, and is told', async () => {
  const file = await home.write('.docker/config.json', '{');
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  expect(await readProxyVariables({ env: {}, homeFolder: home.homeFolder, onWarning })).toEqual({});
  expect(warnings).toEqual([expect.stringContaining(`cannot use the credentials in ${file}`)]);
  expect(await readProxyVariables({ env: {}, homeFolder: undefined })).toEqual({});
});
