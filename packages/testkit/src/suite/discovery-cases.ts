import { type Descriptor, mediaTypes } from '@slipway/manifest';
import { expect } from 'vitest';
import { expectCode, json, someBlob } from './client.ts';
import type { Rule } from './rule.ts';

/** @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#content-discovery */
export function discoveryCases(rule: Rule): void {
  rule('tags are listed in order', async (client) => {
    const tags = ['h', 'b', 'a', 'g', 'd', 'c', 'f', 'e'];
    const { bytes } = await client.pushImage('app', 'z');
    for (const tag of tags) expect((await client.putManifest('app', tag, bytes)).status).toBe(201);
    const listed = await client.send('/v2/app/tags/list');
    expect([listed.status, json(listed)]).toEqual([200, { name: 'app', tags: [...tags.sort(), 'z'] }]);
  });

  rule('tags are listed a page at a time', async (client) => {
    for (const tag of ['a', 'b', 'c']) await client.pushImage('app', tag);
    const first = await client.send('/v2/app/tags/list?n=2');
    expect(json(first)).toEqual({ name: 'app', tags: ['a', 'b'] });
    const next = /^<([^>]+)>; rel="next"$/.exec(first.header('link') ?? '')?.[1];
    expect(next).toBeDefined();
    const second = await client.send(new URL(next ?? '', client.url).href);
    expect([json(second), second.header('link')]).toEqual([{ name: 'app', tags: ['c'] }, undefined]);
  });

  rule('`last` leaves out what comes before, `n=0` leaves out everything', async (client) => {
    for (const tag of ['a', 'b', 'c']) await client.pushImage('app', tag);
    expect(json(await client.send('/v2/app/tags/list?last=b&n=5'))).toEqual({ name: 'app', tags: ['c'] });
    const none = json(await client.send('/v2/app/tags/list?n=0')) as { tags: string[] | null };
    expect(none.tags ?? []).toEqual([]);
  });

  rule('tags of an unknown repository are 404', async (client) => {
    expectCode(await client.send('/v2/unknown/tags/list'), 404, 'NAME_UNKNOWN');
  });

  rule('referrers of nothing are an empty index', async (client) => {
    const listed = await client.send(`/v2/app/referrers/${someBlob().digest}`);
    expect([listed.status, listed.header('content-type')]).toEqual([200, mediaTypes.ociIndex]);
    expect(json(listed)).toMatchObject({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] });
  });

  rule('referrers are listed, and filtered by artifactType', async (client) => {
    const subject = await client.pushImage('app', 'v1');
    const one = await client.pushArtifact('app', 'application/vnd.example.one', subject);
    const two = await client.pushArtifact('app', 'application/vnd.example.two', subject);
    const all = json(await client.send(`/v2/app/referrers/${subject.digest}`)) as { manifests: Descriptor[] };
    expect(all.manifests.map(({ digest }) => digest).sort()).toEqual([one.digest, two.digest].sort());
    const query = new URLSearchParams({ artifactType: 'application/vnd.example.two' });
    const filtered = await client.send(`/v2/app/referrers/${subject.digest}?${query}`);
    expect(filtered.header('oci-filters-applied')).toBe('artifactType');
    expect(json(filtered)).toMatchObject({
      manifests: [
        {
          digest: two.digest,
          mediaType: mediaTypes.ociManifest,
          size: two.bytes.byteLength,
          artifactType: 'application/vnd.example.two',
          annotations: { 'org.example.name': 'application/vnd.example.two' },
        },
      ],
    });
  });

  rule('a subject may come after its referrers', async (client) => {
    const absent = { digest: someBlob().digest, bytes: new Uint8Array(123) };
    const { digest } = await client.pushArtifact('app', 'application/vnd.example.one', absent);
    const listed = json(await client.send(`/v2/app/referrers/${absent.digest}`));
    expect(listed).toMatchObject({ manifests: [{ digest }] });
  });
}
