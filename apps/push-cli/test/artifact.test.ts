import { createVerify, generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import {
  type DebianRegistry,
  type EmbeddedRegistry,
  multiPlatformImage,
  requireTool,
  startDebianRegistry,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeOciLayout,
} from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
// What commands load is loaded beforehand, so that no test waits for it.
import '../src/artifact/list-referrers.ts';
import '../src/artifact/push-artifact.ts';
import type { CommandContext } from '../src/command-context.ts';
import { readEnvironment } from '../src/environment.ts';
import { run } from '../src/main.ts';
import { type CliResult, runCli } from './run-cli.ts';

const missing = requireTool('docker-registry');
let folder: TemporaryFolder;
let registry: EmbeddedRegistry;
let debian: DebianRegistry | undefined;
beforeAll(async () => {
  folder = await temporaryFolder();
  registry = await startRegistry();
  debian = missing ? undefined : await startDebianRegistry();
  await writeFile(join(folder.path, 'sbom.json'), '{"bom":true}');
  await writeFile(join(folder.path, 'a:b'), 'odd');
  await mkdir(join(folder.path, 'site/js'), { recursive: true });
  await writeFile(join(folder.path, 'site/index.html'), '<html>');
  await writeFile(join(folder.path, 'site/js/app.js'), '1');
  await writeFile(join(folder.path, 'site/js/app.js.map'), '{}');
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await debian?.[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** The program in this process: starting one for each row would cost a second each. */
async function artifact(...args: readonly string[]): Promise<CliResult> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const context: CommandContext = {
    environment: readEnvironment({ SLIPWAY_DATA_DIR: join(folder.path, 'data') }),
    ...{ stdin: new PassThrough().end(), stdout, stderr },
    ...{ signal: new AbortController().signal, exitCode: 0, asked: undefined, hasResults: false, onFailure: undefined },
    ...{ onForcedExit: undefined, onInterrupted: undefined },
  };
  const code = await run(['artifact', ...args], context);
  const told: string = stderr.read()?.toString() ?? '';
  return { code, stdout: stdout.read()?.toString() ?? '', stderr: told, lines: told.split('\n').filter(Boolean) };
}

const at = (name: string): string => join(folder.path, name);

interface Manifest {
  readonly artifactType: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly layers: readonly { readonly mediaType: string; readonly annotations: Readonly<Record<string, string>> }[];
}

async function manifestAt(reference: string): Promise<Manifest> {
  const [, host, name, digest] = /^([^/]+)\/(.+)@(.+)$/.exec(reference.trim()) ?? [];
  const accept = 'application/vnd.oci.image.manifest.v1+json';
  const answer = await fetch(`http://${host}/v2/${name}/manifests/${digest}`, { headers: { accept } });
  return (await answer.json()) as Manifest;
}

test('files and folders go to several places as one artifact', async () => {
  const digestFile = join(folder.path, 'digests');
  const args = [
    ...['artifact', 'push', `${registry.host}/demo/site:1,latest`, 'sbom.json:application/spdx+json', 'a:b:', 'site'],
    ...['--to', `${registry.host}/other/site`, '--artifact-type', 'application/x-site', '--exclude', '*.map'],
    ...['-a', 'k=v=w', '--annotation', 'x=', '--digest-file', digestFile, '--quiet'],
  ];
  const { code, stdout, stderr } = await runCli(args, { folder: folder.path });
  expect(code, stderr).toBe(0);
  expect(stderr).toBe('');
  const [first = '', second, third] = stdout.trim().split('\n');
  expect(second).toBe(first);
  expect(third?.startsWith(`${registry.host}/other/site@sha256:`)).toBe(true);
  expect([registry.tags('demo/site'), registry.tags('other/site')]).toEqual([['1', 'latest'], ['latest']]);
  expect(await readFile(digestFile, 'utf8')).toBe(`${first.split('@')[1]}\n`.repeat(3));
  const { artifactType, annotations, layers } = await manifestAt(first);
  expect({ artifactType, annotations }).toEqual({
    artifactType: 'application/x-site',
    annotations: { k: 'v=w', x: '' },
  });
  expect(layers.map((layer) => [layer.annotations['org.opencontainers.image.title'], layer.mediaType])).toEqual([
    ['sbom.json', 'application/spdx+json'],
    ['a:b', 'application/vnd.oci.image.layer.v1.tar'],
    ['site', 'application/vnd.oci.image.layer.v1.tar+gzip'],
  ]);
  await registry.verify();
});

test.skipIf(missing)('an SBOM is attached in docker-registry, and listed', async () => {
  const image = `${debian?.host}/demo/app:1`;
  const planned = await artifact('push', image, at('a:b:'), '--dry-run', '--json');
  expect(JSON.parse(planned.stdout)).toMatchObject({ dryRun: true, unchanged: false, tag: '1' });
  const type = ['--artifact-type', 'application/spdx+json'];
  await artifact('push', image, at('a:b:'));
  expect(await artifact('list', image)).toMatchObject({
    code: 0,
    stdout: '',
    stderr: `slipway: nothing refers to ${image}\n`,
  });
  const attached = await artifact('attach', image, at('sbom.json'), ...type, '-a', 'k=v');
  expect(attached.code, attached.stderr).toBe(0);
  const [table, json, quiet] = await Promise.all([
    artifact('list', image),
    artifact('list', image, '--json', ...type),
    artifact('list', image, '-q', '--artifact-type', 'application/x-other'),
  ]);
  const [reference = '', digest = ''] = /^.*@(\S+)/.exec(attached.stdout) ?? [];
  expect(table.stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['DIGEST', 'ARTIFACT TYPE', 'ANNOTATIONS'],
    [digest, 'application/spdx+json', 'k=v'],
    [''],
  ]);
  expect(JSON.parse(json.stdout)).toEqual({
    reference,
    digest,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    artifactType: 'application/spdx+json',
    size: expect.any(Number),
    annotations: { k: 'v' },
  });
  expect(quiet).toMatchObject({ code: 0, stdout: '' });
});

test('a key signs what is pushed and what is attached', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(at('my.key'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const key = ['--sign-key', at('my.key')];
  const signedAs = async (name: string, digest: string): Promise<unknown> => {
    const found = registry.manifest(name, `${digest.replace(':', '-')}.sig`);
    const { layers } = JSON.parse(new TextDecoder().decode((await found)?.bytes)) as Manifest & {
      readonly layers: readonly { readonly digest: string }[];
    };
    const blob = await fetch(`http://${registry.host}/v2/${name}/blobs/${layers[0]?.digest}`);
    const payload = Buffer.from(await blob.arrayBuffer());
    const signature = layers[0]?.annotations['dev.cosignproject.cosign/signature'] ?? '';
    expect(createVerify('sha256').update(payload).verify(publicKey, signature, 'base64')).toBe(true);
    const { critical } = JSON.parse(payload.toString());
    expect(critical.image['docker-manifest-digest']).toBe(digest);
    return critical.identity['docker-reference'];
  };

  const pushed = await artifact('push', `${registry.host}/signed/app:1`, at('a:b:'), ...key);
  expect(pushed.code, pushed.stderr).toBe(0);
  expect(await signedAs('signed/app', pushed.stdout.trim().split('@')[1] ?? '')).toBe(`${registry.host}/signed/app:1`);
  const attached = await artifact('attach', `${registry.host}/signed/app:1`, at('sbom.json'), ...key);
  expect(attached.code, attached.stderr).toBe(0);
  expect(await signedAs('signed/app', attached.stdout.trim().split('@')[1] ?? '')).toBe(attached.stdout.trim());
});

test('an SBOM is attached to one image of an index, and listed there alone', async () => {
  const name = `${registry.host}/demo/index:1`;
  const index = await multiPlatformImage(['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture })));
  await writeOciLayout(at('index'), [{ content: index, refName: '1' }]);
  expect(await runCli(['push', `oci:${at('index')}:1`, name], { folder: folder.path })).toMatchObject({ code: 0 });
  const attached = await artifact('attach', name, at('sbom.json'), '--platform', 'linux/arm64');
  expect(attached.code, attached.stderr).toBe(0);
  const listed = async (...args: readonly string[]): Promise<string> =>
    (await artifact('list', name, '-q', ...args)).stdout;
  expect(await listed('--platform', 'linux/arm64')).toBe(attached.stdout);
  expect([await listed(), await listed('--platform', 'linux/amd64')]).toEqual(['', '']);
  expect(await artifact('attach', name, at('sbom.json'), '--platform', 'linux/s390x')).toMatchObject({ stdout: '' });
});

test.each<[string, readonly string[], number, string]>([
  ['a key that is none', ['push', 'HOST/x:1', '@a:b:', '--sign-key', '@sbom.json'], 2, 'sbom.json'],
  [
    'an identity without a key',
    ['attach', 'HOST/x:1', '@a:b:', '--sign-identity', 'a/b:1'],
    2,
    '--sign-identity needs',
  ],
  ['a platform that is none', ['attach', 'HOST/x:1', '@a:b:', '--platform', '/'], 2, '--platform'],
  ['no file', ['push', 'HOST/x:1'], 2, 'there is nothing to push'],
  ['no such file', ['push', 'HOST/x:1', '@absent'], 4, 'Cannot open "@absent": no such file or folder'],
  ['no such config', ['push', 'HOST/x:1', '@a:b:', '--config', '@absent:a/b'], 4, 'Cannot open "@absent"'],
  ['a type that is none', ['push', 'HOST/x:1', '@a:b'], 2, '"b", the type of "@a", is no media type'],
  ['a file twice', ['push', 'HOST/x:1', '@sbom.json', '@./sbom.json'], 2, 'the artifact has it twice'],
  ['an artifact type that is none', ['attach', 'HOST/x:1', '@a:b:', '--artifact-type', 'x'], 2, '"x" is no media type'],
  ['an annotation that is none', ['push', 'HOST/x:1', '@a:b:', '-a', 'x'], 2, '--annotation "x" is no KEY=VALUE'],
  ['no such subject', ['attach', 'HOST/x:none', '@a:b:'], 4, 'There is no manifest HOST/x:none'],
  ['no such image', ['list', 'HOST/x:none'], 4, 'There is no manifest HOST/x:none'],
  ['no registry', ['push', '127.0.0.1:1/x', '@a:b:', '--retries', '0'], 5, 'ECONNREFUSED'],
  ['half a password', ['push', 'HOST/x:1', '@a:b:', '--password-stdin'], 2, '--password-stdin needs --username'],
])('%s', async (_, args, code, message) => {
  const named = (text: string): string => text.replace('HOST', registry.host).replace('@', at('/'));
  const result = await artifact(...args.map(named));
  expect(result.code, result.stderr).toBe(code);
  expect(result.stderr).toContain(named(message));
  expect(result.stderr).not.toContain('    at ');
  expect(result.stdout).toBe('');
});
