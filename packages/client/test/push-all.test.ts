import { join } from 'node:path';
import { openSource } from '@slipway/image-source';
import {
  type EmbeddedRegistry,
  randomImage,
  startRegistry,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '../src/index.ts';

let registry: EmbeddedRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry[Symbol.asyncDispose]());

test('several images are one push: in their order, each to its places, told one by one', async () => {
  await using folder = await temporaryFolder();
  const archive = join(folder.path, 'two.tar');
  const layers = [{ kind: 'text', size: 30_000 } as const];
  await writeDockerArchive(archive, [
    { image: await randomImage({ seed: 'one', layers }), references: ['demo/app:1'] },
    { image: await randomImage({ seed: 'two', layers }), references: ['demo/app:2'] },
  ]);
  await using source = await openSource(archive);
  const [one, two] = source.items;
  await using client = await createClient({ isolated: true });
  const told: number[] = [];
  const results = await client.pushAll(
    [
      { item: one!, to: [`${registry.host}/all/a:1`, `${registry.host}/all/b:1`] },
      { item: two!, to: `${registry.host}/all/a:2` },
    ],
    { format: 'oci', onDelivered: (_, index) => void told.push(index) },
  );
  expect(results.map((each) => each.map(({ ok }) => ok))).toEqual([[true, true], [true]]);
  expect(told).toEqual([0, 1]);
  const repository = await client.repository(`${registry.host}/all/a`);
  expect((await repository.resolve('2'))?.digest).toBe(results[1]?.[0]?.ok === true && results[1][0].digest);

  const isOff = `127.0.0.1:1/off/a:1`;
  const stopped = await client.pushAll(
    [
      { item: one!, to: isOff },
      { item: two!, to: `${registry.host}/all/c:2` },
    ],
    { stopAtFailure: true },
  );
  expect(stopped).toMatchObject([[{ ok: false }], []]);
});

test.each<[string, unknown, unknown, string]>([
  ['no list', 'app.tar', {}, 'ERR_ARGUMENT'],
  ['a source in place of an image', [{ item: 'app.tar', to: 'a/b' }], {}, 'ERR_ARGUMENT'],
  ['no destination', [{ item: { kind: 'image' } }], {}, 'ERR_CLIENT_OPTION'],
  ['a tag and a digest in one', [{ item: {}, to: `a/b:1@sha256:${'0'.repeat(64)}` }], {}, 'ERR_CLIENT_DESTINATION'],
  ['options that do not go together', [], { format: 'docker', compression: 'zstd' }, 'ERR_CLIENT_OPTION'],
])('%s is told before anything is sent', async (_name, deliveries, options, code) => {
  await using client = await createClient({ isolated: true });
  await expect(client.pushAll(deliveries as never, options as never)).rejects.toMatchObject({ code });
});

test('each way that a login tries is told', async () => {
  await using client = await createClient({ isolated: true });
  const ways: string[] = [];
  await client.verifyLogin(registry.host, undefined, { onAttempt: ({ href }) => ways.push(href) });
  expect(ways.at(-1)).toBe(`http://${registry.host}/`);
});
