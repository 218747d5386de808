import { join } from 'node:path';
import type { Descriptor } from '@slipway/manifest';
import { randomImage, startRegistry, type TemporaryFolder, temporaryFolder, writeOciLayout } from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from './run-cli.ts';

let folder: TemporaryFolder;
let image: Descriptor;
let artifact: Descriptor;

beforeAll(async () => {
  folder = await temporaryFolder();
  const content = await randomImage({ seed: 'referred', layers: [{ size: 50_000 }] });
  const bytes = new TextEncoder().encode('{"bom":true}');
  const sbom = { artifactType: 'example/sbom', blobs: [{ mediaType: 'application/json', bytes }], subject: content };
  const { entries } = await writeOciLayout(join(folder.path, 'layout'), [
    { content, refName: 'v1' },
    { content: sbom, refName: 'sbom' },
  ]);
  [image, artifact] = entries as [Descriptor, Descriptor];
});
afterAll(() => folder[Symbol.asyncDispose]());

const push = (host: string, ...options: string[]) =>
  runCli(['push', `oci:${join(folder.path, 'layout')}:v1`, `${host}/demo/app:v1`, ...options]);

test('--referrers takes along what in the layout refers to the image', async () => {
  await using registry = await startRegistry();
  const { code, stdout, stderr } = await push(registry.host, '--referrers');
  expect(code, stderr).toBe(0);
  expect(stdout).toBe(`${registry.host}/demo/app@${image.digest}\n`);
  expect([...registry.manifests('demo/app')].sort()).toEqual([image.digest, artifact.digest].sort());
  expect(registry.tags('demo/app')).toEqual(['v1']);
  const listed = await fetch(`http://${registry.host}/v2/demo/app/referrers/${image.digest}`);
  expect(await listed.json()).toMatchObject({
    manifests: [{ digest: artifact.digest, artifactType: 'example/sbom' }],
  });
  await registry.verify();
});

test('without it, the image goes alone', async () => {
  await using registry = await startRegistry();
  expect((await push(registry.host)).code).toBe(0);
  expect(registry.manifests('demo/app')).toEqual([image.digest]);
});
