import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type EmbeddedRegistry,
  randomImage,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';

const action = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

let folder: TemporaryFolder;
let registry: EmbeddedRegistry;
beforeAll(async () => {
  folder = await temporaryFolder();
  registry = await startRegistry({ auth: { kind: 'basic', users: { me: 's3cret-word' } } });
  const image = await randomImage({ seed: 'action', layers: [{ kind: 'text', size: 200_000 }] });
  await writeDockerArchive(join(folder.path, 'app.tar'), [{ image, references: ['demo/app:1'] }]);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly outputs: string;
  readonly summary: string;
}

/** Starts it as the runner does: inputs in the environment, files for outputs and for the page of the run. */
async function run(inputs: Readonly<Record<string, string>>): Promise<Run> {
  const [output, summary] = ['output', 'summary'].map((name) => join(folder.path, name)) as [string, string];
  await Promise.all([writeFile(output, ''), writeFile(summary, '')]);
  const named = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]);
  const env = {
    PATH: process.env['PATH'],
    HOME: folder.path,
    GITHUB_OUTPUT: output,
    GITHUB_STEP_SUMMARY: summary,
    ...Object.fromEntries(named),
  };
  const program = parse(await readFile(action('action.yml'), 'utf8')).runs.main as string;
  const ended = await new Promise<{ code: number; stdout: string }>((resolve) => {
    execFile(process.execPath, [action(program)], { cwd: folder.path, env }, (error, stdout) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout }),
    );
  });
  return { ...ended, outputs: await readFile(output, 'utf8'), summary: await readFile(summary, 'utf8') };
}

const signedIn = { username: 'me', password: 's3cret-word', 'plain-http': 'true' };

test('pushes to all destinations; outputs, a table, and a secret that the log masks', async () => {
  const names = [`${registry.host}/demo/app:1`, `${registry.host}/demo/app:2`];
  const { code, stdout, outputs, summary } = await run({ source: 'app.tar', to: names.join('\n'), ...signedIn });
  expect(code).toBe(0);
  const digest = /^digest<<\S+\n(sha256:[0-9a-f]{64})\n/m.exec(outputs)?.[1];
  expect(outputs).toContain(JSON.stringify(Object.fromEntries(names.map((name) => [name, digest]))));
  expect(summary).toContain(`| <code>${names[0]}</code> | <code>${digest}</code> | 2 | 0 | 0 |`);
  expect(stdout).toContain('::add-mask::s3cret-word');
  expect(stdout).toMatch(/: Pushed\n/);
  // The runner shows these with ACTIONS_STEP_DEBUG only.
  expect(stdout).toMatch(/::debug::PUT http:\/\/127\.0\.0\.1:\d+\/v2\/demo\/app\/manifests\/1 201\n/);
  expect(stdout).not.toMatch(/::(?:error|warning)/);
  expect(registry.tags('demo/app')).toEqual(['1', '2']);
});

test('a destination that fails is an annotation and a row; the other one has its image', async () => {
  const to = `${registry.host}/demo/app:3, 127.0.0.1:1/demo/app:3`;
  const { code, stdout, summary, outputs } = await run({ source: 'app.tar', to, retries: '0', 'plain-http': 'true' });
  expect(code).toBe(1);
  expect(stdout.match(/^::error::/gm)?.length).toBe(2);
  expect(stdout).toMatch(/::error::127\.0\.0\.1:1\/demo\/app:3: .*ECONNREFUSED|::error::127\.0\.0\.1:1\/demo\/app:3: /);
  expect(summary.match(/❌/g)?.length).toBe(2);
  expect(outputs).toMatch(/^digest<<\S+\n\n/m);
});

test.each([
  [{ to: 'a/b:1' }, "The input 'source' is missing"],
  [{ source: 'app.tar' }, "The input 'to' is missing"],
  [{ source: 'app.tar', to: 'a/b:1', 'dry-run': 'yes' }, "The input 'dry-run' has to be true or false, not 'yes'"],
  [{ source: 'app.tar', to: 'a/b:1', format: 'ocy' }, "The input 'format' has to be one of keep, docker, oci"],
  [{ source: 'app.tar', to: 'a/b:1', username: 'me' }, "The input 'password' is missing beside the other one"],
  [
    { source: 'app.tar', to: 'x.test/a:1 y.test/a:1', username: 'me', password: 'x' },
    'One password for several registries',
  ],
  [{ source: 'none.tar', to: '127.0.0.1:1/a:1' }, 'none.tar'],
])('%j is told in a sentence', async (inputs, sentence) => {
  const { code, stdout } = await run(inputs);
  expect([code, stdout]).toEqual([1, expect.stringContaining('::error::')]);
  expect(stdout).toContain(sentence);
  expect(stdout).not.toMatch(/^ +at /m);
});

test('a second push of the same sends nothing', async () => {
  const to = `${registry.host}/demo/again:1`;
  const [first, second] = [
    await run({ source: 'app.tar', to, ...signedIn }),
    await run({ source: 'app.tar', to, ...signedIn }),
  ];
  const value = ({ outputs }: Run): string | undefined => /sha256:[0-9a-f]{64}/.exec(outputs)?.[0];
  expect(value(second)).toBe(value(first));
  expect(second.summary).toMatch(/\| 0 \| 0 \| 0 \| 0 B \|/);
});
