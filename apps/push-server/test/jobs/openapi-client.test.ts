import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { temporaryFolder } from '@slipway/testkit';
import openapiTS, { astToString } from 'openapi-typescript';
import { beforeAll, expect, test } from 'vitest';
import { startTestDaemon } from '../daemon-fixture.ts';

let source: string;
beforeAll(async () => {
  await using server = await startTestDaemon();
  source = (await server.request('GET', '/slipway/v1/openapi.json')).body;
});

test('redocly finds nothing wrong with the description', async () => {
  const config = await createConfig({ extends: ['recommended-strict'] });
  const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
  expect(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([]);
});

/** What a client may write, and what the compiler has to stop it from. */
const client = `
import type { components, paths } from './api.ts';
type Schemas = components['schemas'];

export const least: Schemas['JobRequest'] = { image: 'app:1', destinations: ['r/app:1'] };
export const more: Schemas['JobRequest'] = {
  upload: 'x', destinations: ['r/app'], allTags: true, compression: ['gzip', 'zstd'], limitRate: 5_000_000, timeout: '90s',
  priority: 'high', labels: { team: 'a' }, webhook: { url: 'https://ci.example/done' }, credentials: { r: { username: 'a' } },
};
// @ts-expect-error: destinations are wanted
export const none: Schemas['JobRequest'] = { image: 'app:1' };
// @ts-expect-error: there is no such format
export const wrong: Schemas['JobRequest'] = { image: 'app:1', destinations: ['r/app:1'], format: 'oci2' };

export function told(job: Schemas['Job']): string {
  const format: 'keep' | 'docker' | 'oci' | 'schema1' | 'schema1-2015' | 'v1' | undefined = job.format;
  // @ts-expect-error: it may be absent
  const present: string = job.format;
  return [job.state === 'planned', format, present, job.destinations[0]?.digest, job.error?.code].join();
}
type Submit = paths['/slipway/v1/jobs']['post'];
export const failure: Submit['responses'][422]['content']['application/json'] = { message: 'x', code: 'ERR_SERVER_KEY_USED' };
export const wait: NonNullable<Submit['parameters']['query']>['wait'] = '30s';
`;

test('openapi-typescript makes a right client of it', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'api.ts'), astToString(await openapiTS(JSON.parse(source))));
  await writeFile(join(folder.path, 'client.ts'), client);
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const options = [
    '--noEmit',
    '--strict',
    '--noUncheckedIndexedAccess',
    '--allowImportingTsExtensions',
    '--skipLibCheck',
  ];
  const types = ['--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler'];
  const run = promisify(execFile)(process.execPath, [compiler, ...options, ...types, 'client.ts'], {
    cwd: folder.path, // no configuration of ours counts there
  });
  expect(await run.catch((error: { readonly stdout: string }) => error.stdout)).toMatchObject({ stdout: '' });
});
