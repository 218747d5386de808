import { randomUUID } from 'node:crypto';
import { type Content, contentOf } from '@slipway/digest';
import type { Descriptor } from '@slipway/manifest';
import { describeManifest } from './answers/describe-manifest.ts';
import type { RegistryCore } from './core.ts';
import { Session } from './storage/session.ts';

export interface SeedManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly tags?: readonly string[] | undefined;
}

/** What to put into a repository without asking the API. Manifests are not checked for completeness. */
export interface Seed {
  readonly blobs?: readonly (Uint8Array | Content)[] | undefined;
  readonly manifests?: readonly SeedManifest[] | undefined;
}

/** Puts contents into a repository without asking the API. */
export async function seed(
  core: RegistryCore,
  repository: string,
  { blobs = [], manifests = [] }: Seed,
): Promise<{ readonly blobs: readonly Descriptor[]; readonly manifests: readonly Descriptor[] }> {
  const seeded: { blobs: Descriptor[]; manifests: Descriptor[] } = { blobs: [], manifests: [] };
  for (const blob of blobs) {
    const content = blob instanceof Uint8Array ? contentOf(blob) : blob;
    const id = randomUUID();
    const session = new Session(id, repository, await core.storage.beginUpload(id, repository));
    await session.receive(content.open());
    const digest = await session.digest('sha256');
    await core.commit(session, digest);
    seeded.blobs.push({ mediaType: 'application/octet-stream', digest, size: content.size });
  }
  for (const { bytes, mediaType, tags = [] } of manifests) {
    const record = describeManifest(bytes, mediaType);
    await core.writeAll(record.digest, bytes);
    await core.repositories.addManifest(repository, record);
    for (const tag of tags) await core.repositories.setTag(repository, tag, record.digest);
    seeded.manifests.push({ mediaType, digest: record.digest, size: record.size });
  }
  return seeded;
}
