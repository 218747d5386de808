import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { readConfig } from '../config/read-config.ts';
import type { ServerConfig } from '../config/server-config.ts';
import { checkStart } from './check-start.ts';

test.each<[string, (at: (name: string) => string) => Partial<ServerConfig>, string | undefined]>([
  ['nothing', () => ({}), undefined],
  ['a data folder below a file', (at) => ({ dataDir: at('file/x/data') }), '--data-dir: '],
  ['a data folder below /proc', () => ({ dataDir: '/proc/x' }), '--data-dir: /proc cannot be written: no such file'],
  ['an absent certificate', (at) => ({ tlsCert: at('none'), tlsKey: at('none') }), '--tls-cert: ENOENT'],
  ['a certificate that is none', (at) => ({ tlsCert: at('file'), tlsKey: at('file') }), '--tls-cert: '],
  ['an absent folder of certificates', (at) => ({ certDir: at('none') }), '--cert-dir: ENOENT'],
  ['an absent key', (at) => ({ trustKey: at('none') }), '--trust-key: '],
  ['an audit in an absent folder', (at) => ({ auditLog: at('none/a.log') }), '--audit-log: ENOENT'],
  ['an audit that is a folder', (at) => ({ auditLog: at('audit') }), '--audit-log: '],
  ['absent credentials', (at) => ({ jobCredentials: [`farm=${at('none')}`] }), '--job-credentials: ENOENT'],
  ['credentials that are a pipe', (at) => ({ jobCredentials: [`farm=${at('pipe')}`] }), '--job-credentials: '],
  ['credentials without an end', () => ({ jobCredentials: ['farm=/dev/zero'] }), '--job-credentials: '],
  ['credentials that are none', (at) => ({ jobCredentials: [`farm=${at('file')}`] }), 'is no credentials file'],
  ['credentials without a name', () => ({ jobCredentials: ['/x'] }), '--job-credentials: expected NAME=/PATH'],
  ['a Redis that is a web page', () => ({ redis: 'http://x' }), '--redis: expected redis://'],
  ['a Redis nowhere', () => ({ redis: 'redis://' }), '--redis: expected redis://'],
  ['a Redis with a named database', () => ({ redis: 'redis://h/jobs' }), '--redis: expected redis://'],
  ['a Redis with a user and a database', () => ({ redis: 'rediss://u:p@h:6380/2' }), undefined],
  ['a Redis by its socket', () => ({ redis: 'unix:///run/redis.sock' }), undefined],
  ['a data folder that leads nowhere', (at) => ({ dataDir: at('link') }), '/link leads nowhere'],
  ['a data folder with a file for images', (at) => ({ dataDir: at('data-with-file') }), '/images is no folder'],
  ['a data folder with damaged tokens', (at) => ({ dataDir: at('data-damaged') }), '/tokens.json is damaged'],
  ['an audit that leads to a new file', (at) => ({ auditLog: at('link') }), undefined],
  ['an audit below /proc', () => ({ auditLog: '/proc/audit.log' }), '--audit-log: ENOENT'],
  ['absent records of Docker’s', (at) => ({ dockerMetadata: at('none') }), '--docker-metadata: Cannot read'],
  ['records of Docker’s in a file', (at) => ({ dockerMetadata: at('file') }), '--docker-metadata: Cannot read'],
  ['a socket where a folder is', (at) => ({ hosts: [`unix://${at('audit')}`] }), '/audit is there, and no socket'],
  ['a socket where a file is', (at) => ({ hosts: [`unix://${at('file')}`] }), '/file is there, and no socket'],
  ['a socket where a link is', (at) => ({ hosts: [`unix://${at('link')}`] }), '/link is there, and no socket'],
  ['a socket below a file', (at) => ({ hosts: [`unix://${at('file/s')}`] }), '/file is no folder'],
  ['a socket in an absent folder', (at) => ({ hosts: [`unix://${at('a/b/s')}`] }), '/a/b is not there'],
  ['a socket below /proc', () => ({ hosts: ['unix:///proc/s'] }), '--host: /proc cannot be written'],
  [
    'an address that this machine does not have',
    () => ({ hosts: ['tcp://127.0.0.1:0', 'tcp://192.0.2.7:5999'], oidcIssuer: 'https://issuer' }),
    'Cannot listen on tcp://192.0.2.7:5999: address not available',
  ],
  [
    'a listener that nothing guards',
    () => ({ hosts: ['tcp://0.0.0.0:5999'] }),
    '--host: tcp://0.0.0.0:5999 can be reached',
  ],
])('%s', async (_name, options, fault) => {
  await using folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  await writeFile(at('file'), 'no certificate');
  await mkdir(at('audit'));
  await symlink(at('absent'), at('link'));
  await mkdir(at('data-with-file'));
  await writeFile(at('data-with-file/images'), '');
  await mkdir(at('data-damaged'));
  await writeFile(at('data-damaged/tokens.json'), '{');
  execFileSync('mkfifo', [at('pipe')]);
  const defaults = await readConfig({ flags: {}, variables: {}, file: undefined });
  const config = { ...defaults, dataDir: at('data'), hosts: [`unix://${at('s.sock')}`] };
  const faults = await checkStart({ ...config, ...options(at) });
  expect(faults).toEqual(fault === undefined ? [] : [expect.stringContaining(fault)]);
  const made = ['audit', 'data-damaged', 'data-with-file', 'file', 'link', 'pipe'];
  expect((await readdir(folder.path)).sort()).toEqual(made); // it left nothing behind
});

test('two names of one address are told as that, and what others listen on is not looked at', async () => {
  await using folder = await temporaryFolder();
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port: taken } = other.address() as AddressInfo;
  const defaults = await readConfig({ flags: {}, variables: {}, file: undefined });
  const check = (...hosts: readonly string[]): Promise<readonly string[]> =>
    checkStart({ ...defaults, dataDir: folder.path, hosts });
  expect(await check(`tcp://127.0.0.1:${taken}`)).toEqual([]);
  other.close();
  await once(other, 'close');
  expect(await check(`tcp://localhost:${taken}`, `tcp://127.0.0.1:${taken}`)).toEqual([
    `--host: tcp://127.0.0.1:${taken} and tcp://localhost:${taken} are the same`,
  ]);
});
