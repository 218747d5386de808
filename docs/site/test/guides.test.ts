import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  type EmbeddedRegistry,
  multiPlatformImage,
  type RegistryOptions,
  randomImage,
  startRegistry,
  type TemporaryFolder,
  type TestCertificates,
  temporaryFolder,
  testCertificates,
  writeDockerArchive,
  writeOciLayout,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../pages.mjs';
import { pageFiles } from './page-files.ts';
import { type PageRun, runPage } from './run-page.ts';
import { missingLine, shellBlocksOf } from './shell-blocks.ts';

/** Their commands are for systemd, Kubernetes and Docker. */
const ofOperators = /^docs\/slipwayd\//;

const pages = pageFiles()
  .filter((path) => !ofOperators.test(path))
  .map((path) => ({ path, blocks: shellBlocksOf(readFileSync(join(root, path), 'utf8')) }))
  .map(({ path, blocks }) => ({ path, blocks: blocks.filter(({ notRun }) => notRun === undefined) }))
  .filter(({ blocks }) => blocks.length > 0);

let folder: TemporaryFolder;
let certificates: TestCertificates;
beforeAll(async () => {
  folder = await temporaryFolder();
  certificates = await testCertificates();
});
afterAll(async () => await folder[Symbol.asyncDispose]());

describe('the commands of a page work, and print what it says', () => {
  test.concurrent.for(pages)('$path', async ({ path, blocks }) => {
    const own = join(folder.path, path.replaceAll(/\W/g, '-'));
    await mkdir(own);
    await writeSources(own);
    await writeFile(join(own, 'ca.pem'), certificates.ca);
    const script = blocks.map((block) => block.script).join('');
    const registries = await startRegistries(script.includes('REGISTRY_PASSWORD'));
    try {
      const names = [...(await ownNames(own)), ...registries.map(([name, { host }]) => [name, host] as const)];
      if (/docker:\/\/|attach/.test(script)) await seed(own, names);
      const env = { REGISTRY_USER: 'me', REGISTRY_PASSWORD: 's3cret-word' };
      const printed = await runPage(blocks, { folder: own, names, env });
      const missing = blocks.map(({ line, expected }, index) => ({
        line,
        missing: missingLine(expected, printed[index] ?? ''),
        printed: printed[index],
      }));
      expect(missing.filter((each) => each.missing !== undefined)).toEqual([]);
    } finally {
      await Promise.all(registries.map(([, registry]) => registry[Symbol.asyncDispose]()));
    }
  });
});

/** The registries that pages name; ghcr.io may want the credentials that a page shows it. */
async function startRegistries(isGuarded: boolean): Promise<readonly (readonly [string, EmbeddedRegistry])[]> {
  const { cert, key } = certificates;
  const options: readonly (readonly [string, RegistryOptions])[] = [
    ['registry.example:5000', { tls: { cert, key } }],
    ['registry.example', {}],
    ['ghcr.io', isGuarded ? { auth: { kind: 'basic', users: { me: 's3cret-word' } } } : {}],
    ['quay.io', {}],
  ];
  return await Promise.all(options.map(async ([name, each]) => [name, await startRegistry(each)] as const));
}

/** Puts there what pages copy and attach to. */
async function seed(own: string, names: PageRun['names']): Promise<void> {
  const held = ['team/app:1.0', 'team/app:1.1', 'team/tool:2.0', 'me/app:1.0'];
  const places = ['ghcr.io', 'quay.io'].flatMap((host) => held.map((name) => `${host}/${name}`));
  const script = `slipway push oci:layout:1.0 ${places.join(' ')} --no-cache\n`;
  await runPage([{ line: 0, script, expected: [] }], { folder: own, names, env: {} });
}

/** What a page starts itself. */
async function ownNames(own: string): Promise<(readonly [string, string])[]> {
  const port = await freePort();
  return [
    ['slipway registry serve', `slipway registry serve --port ${port}`],
    ['127.0.0.1:5000', `127.0.0.1:${port}`],
    ['/run/slipway.sock', join(own, 'd.sock')],
    ['/var/lib/slipway', join(own, 'daemon')],
  ];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The files that pages speak of. */
async function writeSources(path: string): Promise<void> {
  const image = await randomImage({ seed: 'site', layers: [{ size: 300_000 }, { size: 20_000, kind: 'random' }] });
  await writeDockerArchive(join(path, 'app.tar'), [{ image, references: ['me/app:1.0'] }]);
  await mkdir(join(path, 'layout'));
  const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));
  const content = await multiPlatformImage(platforms, { seed: 'site' });
  await writeOciLayout(join(path, 'layout'), [{ content, refName: '1.0' }]);
  await mkdir(join(path, 'dist'));
  await writeFile(join(path, 'dist/index.html'), '<h1>hello</h1>\n');
  await writeFile(join(path, 'notes.txt'), 'hello\n');
  await writeFile(join(path, 'sbom.json'), '{"bomFormat":"CycloneDX"}\n');
  await writeFile(join(path, 'model.gguf'), 'GGUF');
}
