import { contentOf, digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { quirkNames, startRegistry } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { openRegistry } from '../src/index.ts';
import { beginSession, collect, manifestOf, testBytes, uploadShapes } from './push-through.ts';

/** Shapes that a registry is known not to take. */
const refused: Readonly<Record<string, readonly string[]>> = {
  ecr: ['chunks'],
  gar: ['chunks'],
  artifactory: ['put'],
};

const layer = testBytes(300_000);
const digest = digestBytes(layer);

describe.each(quirkNames)('%s', (quirks) => {
  test.each(
    Object.keys(uploadShapes).filter((shape) => !refused[quirks]?.includes(shape)) as (keyof typeof uploadShapes)[],
  )('a blob goes up by %s, and its manifest follows', async (shape) => {
    await using server = await startRegistry({ quirks, repositories: ['demo/app'] });
    await using registry = openRegistry({ url: server.url });
    const repository = registry.repository('demo/app');
    await using session = await beginSession(repository);
    await uploadShapes[shape](session, contentOf(layer), digest);
    expect(await repository.statBlob(digest)).toEqual({ digest, size: layer.byteLength });
    const manifest = manifestOf(layer);
    const put = await repository.putManifest('v1', manifest, { mediaType: mediaTypes.ociManifest });
    expect(put.digest).toBe(digestBytes(manifest));
    expect((await repository.getManifest('v1'))?.bytes).toEqual(manifest);
    expect(await collect(repository.openBlob(digest, { from: 299_000 }))).toEqual(layer.subarray(299_000));
    await server.verify();
  });
});
