import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DebianRegistry,
  type EmbeddedRegistry,
  requireTool,
  startDebianRegistry,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AttachRequest, artifactFrom, type Client, createClient } from '../src/index.ts';

const missing = requireTool('docker-registry');
const files = [{ title: 'app.wasm', content: 'wasm', mediaType: 'application/wasm' }];
const app = artifactFrom({ files, artifactType: 'application/wasm' });
const sbom = { files: [{ title: 'sbom.json', content: '{"bom":1}' }], artifactType: 'application/spdx+json' };
const notes = { annotations: { checked: 'yes' }, artifactType: 'application/x-notes' };

let folder: TemporaryFolder;
let embedded: EmbeddedRegistry;
let debian: DebianRegistry | undefined;
beforeAll(async () => {
  folder = await temporaryFolder();
  embedded = await startRegistry();
  debian = missing ? undefined : await startDebianRegistry();
});
afterAll(async () => {
  await embedded[Symbol.asyncDispose]();
  await debian?.[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const listed = async (client: Client, image: string, artifactType?: string): Promise<readonly string[]> =>
  (await client.referrers(image, { artifactType })).map(({ descriptor }) => descriptor.artifactType ?? '');

describe.each([
  ['a referrers API', false, () => embedded],
  ['the fallback tag', missing, () => debian!],
] as const)('through %s', (_, isAbsent, registry) => {
  test.skipIf(isAbsent)('what is attached is listed, by tag and by digest, and chosen by its type', async () => {
    const { host } = registry();
    await using client = await createClient({ isolated: true });
    const [image] = await client.push({ source: app, to: `${host}/demo/app:1` });
    const attached = await client.attach({ subject: `${host}/demo/app:1`, artifact: sbom });
    await client.attach({ subject: `${host}/demo/app@${image!.digest}`, artifact: notes });
    expect(attached).toMatchObject({ ok: true, unchanged: false });
    expect(attached.reference).toMatchObject({ repository: 'demo/app', digest: attached.digest });
    expect(attached.reference.tag).toBeUndefined();
    const byTag = await listed(client, `${host}/demo/app:1`);
    expect(byTag.toSorted()).toEqual(['application/spdx+json', 'application/x-notes']);
    expect(await listed(client, `${host}/demo/app@${image!.digest}`)).toEqual(byTag);
    const chosen = await client.referrers(`${host}/demo/app:1`, { artifactType: 'application/x-notes' });
    expect(chosen).toMatchObject([{ descriptor: { annotations: { checked: 'yes' } } }]);
    // A referrer is a reference as any other: what refers to it is found the same way.
    await client.attach({ subject: attached.reference, artifact: notes });
    expect(await listed(client, `${host}/demo/app@${attached.digest}`)).toEqual(['application/x-notes']);
    const again = await client.attach({ subject: `${host}/demo/app:1`, artifact: sbom });
    expect(again).toMatchObject({ digest: attached.digest, unchanged: true });
  });

  test.skipIf(isAbsent)('what is not there has no referrers, and nothing is attached to it', async () => {
    const { host } = registry();
    await using client = await createClient({ isolated: true, retries: 0 });
    const gone = `sha256:${'a'.repeat(64)}`;
    for (const name of [`${host}/demo/none:1`, `${host}/demo/none@${gone}`]) {
      const refused = { code: 'ERR_SOURCE_NOT_FOUND', message: expect.stringContaining('demo/none') };
      await expect(client.referrers(name)).rejects.toMatchObject(refused);
      await expect(client.attach({ subject: name, artifact: sbom })).rejects.toMatchObject(refused);
    }
  });
});

test('what refers to a manifest that is gone is listed still', async () => {
  await using client = await createClient({ isolated: true });
  const subject = `${embedded.host}/gone/app:1`;
  const [image] = await client.push({ source: app, to: subject });
  await client.attach({ subject, artifact: sbom });
  const repository = await client.repository(subject);
  await repository.deleteManifest(image!.digest);
  expect(await listed(client, `${embedded.host}/gone/app@${image!.digest}`)).toEqual(['application/spdx+json']);
  await expect(client.referrers(subject)).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND' });
});

test('an artifact goes to several places, and only to those that have its subject', async () => {
  const { host } = embedded;
  await using client = await createClient({ isolated: true });
  await client.push({ source: app, to: [`${host}/has/app:1`, `${host}/has/too:1`] });
  const source = artifactFrom({ ...sbom, subject: `${host}/has/app:1` });
  const to = [`${host}/has/app:sbom`, `${host}/lacks/it:sbom`, `${host}/has/too:sbom`];
  const { results } = await client.pushSettled({ source, to });
  expect(results.map((result) => (result.ok ? 'pushed' : (result.error as { code?: unknown }).code))).toEqual([
    'pushed',
    'ERR_PUSH_NO_SUBJECT',
    'pushed',
  ]);
  expect(embedded.repositories()).not.toContain('lacks/it');
  expect(await listed(client, `${host}/has/too:1`)).toEqual(['application/spdx+json']);
});

test('an image in a registry, with what was attached to it, is copied with its referrers', async () => {
  const { host } = embedded;
  await using client = await createClient({ isolated: true });
  await client.push({ source: app, to: `${host}/copied/app:1` });
  const attached = await client.attach({ subject: `${host}/copied/app:1`, artifact: sbom });
  await client.attach({ subject: attached.reference, artifact: notes });
  await client.push({ source: `docker://${host}/copied/app:1`, to: `${host}/copy/app:1`, referrers: true });
  expect(await listed(client, `${host}/copy/app:1`)).toEqual(['application/spdx+json']);
  expect(await listed(client, `${host}/copy/app@${attached.digest}`)).toEqual(['application/x-notes']);
  await embedded.verify();
});

test('a digest that the source has is a destination', async () => {
  const { host } = embedded;
  await using client = await createClient({ isolated: true });
  const [tagged] = await client.push({ source: app, to: `${host}/exact/app:1` });
  const [exact] = await client.push({
    source: `docker://${host}/exact/app:1`,
    to: `${host}/exact/copy@${tagged!.digest}`,
  });
  expect(exact).toMatchObject({ digest: tagged!.digest, unchanged: false });
  expect(embedded.tags('exact/copy')).toEqual([]);
  expect(embedded.manifests('exact/copy')).toEqual([tagged!.digest]);
});

test('a dry run attaches nothing, and says what would be sent', async () => {
  const { host } = embedded;
  await using client = await createClient({ isolated: true });
  await client.push({ source: app, to: `${host}/dry/app:1` });
  const planned = await client.attach({ subject: `${host}/dry/app:1`, artifact: sbom, dryRun: true });
  expect(planned.plan?.map(({ action }) => action)).toEqual(['exists', 'upload']);
  expect(await listed(client, `${host}/dry/app:1`)).toEqual([]);
});

test('credentials for one registry are shown where the subject is, too', async () => {
  const user = { username: 'me', password: 'secret' };
  await using guarded = await startRegistry({ auth: { kind: 'basic', users: { me: 'secret' } } });
  await using client = await createClient({ isolated: true, credentials: user, retries: 0 });
  const subject = `${guarded.host}/demo/app:1`;
  await client.push({ source: app, to: subject });
  await client.attach({ subject, artifact: sbom });
  expect(await listed(client, subject)).toEqual(['application/spdx+json']);
  await using nobody = await createClient({ isolated: true, retries: 0 });
  await expect(nobody.referrers(subject)).rejects.toMatchObject({ code: 'ERR_REGISTRY_UNAUTHORIZED' });
});

test('a file that cannot be read, and a request that makes no sense, are told before anything is asked', async () => {
  const { host } = embedded;
  await using client = await createClient({ isolated: true });
  await writeFile(join(folder.path, 'there'), 'x');
  await client.push({ source: app, to: `${host}/odd/app:1` });
  const subject = `${host}/odd/app:1`;
  const attach = (request: unknown) => client.attach(request as AttachRequest);
  await expect(attach(undefined)).rejects.toMatchObject({ code: 'ERR_CLIENT_OPTION' });
  await expect(attach({ subject })).rejects.toMatchObject({ code: 'ERR_CLIENT_OPTION' });
  await expect(attach({ subject: `u:secret@${host}/x`, artifact: sbom })).rejects.toMatchObject({
    code: 'ERR_CLIENT_PASSWORD_IN_NAME',
    message: expect.not.stringContaining('secret'),
  });
  embedded.clearRequests();
  await expect(attach({ subject, artifact: { files: [] } })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  await expect(attach({ subject: 'Not/Lower', artifact: sbom })).rejects.toMatchObject({
    code: 'ERR_REFERENCE_INVALID',
  });
  expect(embedded.requests).toEqual([]);
  const absent = { files: [join(folder.path, 'absent')] };
  await expect(attach({ subject, artifact: absent })).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND' });
});
