import { digestBytes } from '@slipway/digest';
import { expect, test } from 'vitest';
import { startRegistry } from '../src/index.ts';

test('a blob goes through a session and comes back', async () => {
  await using registry = await startRegistry();
  const bytes = new TextEncoder().encode('hello');
  const digest = digestBytes(bytes);
  const begun = await fetch(`${registry.url}/v2/app/blobs/uploads/`, { method: 'POST' });
  expect(begun.status).toBe(202);
  const patched = await fetch(new URL(begun.headers.get('location') ?? '', registry.url), {
    method: 'PATCH',
    body: bytes,
  });
  expect([patched.status, patched.headers.get('range')]).toEqual([202, '0-4']);
  const committed = await fetch(`${new URL(patched.headers.get('location') ?? '', registry.url)}&digest=${digest}`, {
    method: 'PUT',
  });
  expect(committed.status).toBe(201);
  const read = await fetch(`${registry.url}/v2/app/blobs/${digest}`);
  expect(await read.text()).toBe('hello');
  expect(registry.requests.map(({ kind, status }) => [kind, status])).toEqual([
    ['upload-start', 202],
    ['upload-patch', 202],
    ['upload-put', 201],
    ['blob-get', 200],
  ]);
  expect(await registry.verify()).toEqual({ blobs: 1, manifests: 0, tags: 0 });
});
