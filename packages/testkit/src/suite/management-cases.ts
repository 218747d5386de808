import { expect } from 'vitest';
import { asManifest, json } from './client.ts';
import type { Rule } from './rule.ts';

/** @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#content-management */
export function managementCases(rule: Rule): void {
  rule('a tag is deleted, its manifest stays', async (client) => {
    const { digest } = await client.pushImage('app', 'v1');
    expect((await client.send('/v2/app/manifests/v1', { method: 'DELETE' })).status).toBe(202);
    expect((await client.send('/v2/app/manifests/v1')).status).toBe(404);
    expect((await client.send(`/v2/app/manifests/${digest}`, asManifest)).status).toBe(200);
  });

  rule('a manifest is deleted, with its tags', async (client) => {
    const { digest } = await client.pushImage('app', 'v1');
    expect((await client.send(`/v2/app/manifests/${digest}`, { method: 'DELETE' })).status).toBe(202);
    expect((await client.send(`/v2/app/manifests/${digest}`)).status).toBe(404);
    expect((await client.send('/v2/app/manifests/v1')).status).toBe(404);
    const listed = json(await client.send('/v2/app/tags/list')) as { tags: string[] | null };
    expect(listed.tags ?? []).toEqual([]);
  });

  rule('a blob is deleted', async (client) => {
    const { digest } = await client.pushBlob('app');
    expect((await client.send(`/v2/app/blobs/${digest}`, { method: 'DELETE' })).status).toBe(202);
    expect((await client.send(`/v2/app/blobs/${digest}`)).status).toBe(404);
    expect((await client.send(`/v2/app/blobs/${digest}`, { method: 'DELETE' })).status).toBe(404);
  });
}
