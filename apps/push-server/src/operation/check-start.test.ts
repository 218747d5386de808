import { execFileSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { readConfig } from '../config/read-config.ts';
import type { ServerConfig } from '../config/server-config.ts';
import { checkStart } from './check-start.ts';

test.each<[string, (at: (name: string) => string) => Partial<ServerConfig>, string | undefined]>([
  ['nothing', () => ({}), undefined],
  ['a data folder below a file', (at) => ({ dataDir: at('file/x/data') }), '--data-dir: '],
  ['a data folder below /proc', () => ({ dataDir: '/proc/x' }), '--data-dir: /proc cannot be written'],
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
  execFileSync('mkfifo', [at('pipe')]);
  const config = { ...(await readConfig({ flags: {}, variables: {}, file: undefined })), dataDir: at('data') };
  const faults = await checkStart({ ...config, ...options(at) });
  expect(faults).toEqual(fault === undefined ? [] : [expect.stringContaining(fault)]);
  expect((await readdir(folder.path)).sort()).toEqual(['audit', 'file', 'pipe']); // it left nothing behind
});
