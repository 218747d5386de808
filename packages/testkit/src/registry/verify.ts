import { algorithmOf, type Digest, digestBytes, digestStream, type MeasuredContent } from '@slipway/digest';
import { isSchema1MediaType } from '@slipway/manifest';
import { TestkitError } from '../errors.ts';
import { listsManifest, mayLiveElsewhere } from './answers/describe-manifest.ts';
import type { RegistryCore } from './core.ts';
import type { ManifestRecord } from './storage/repositories.ts';

/** What was read and found right. */
export interface VerifiedCounts {
  readonly tags: number;
  readonly manifests: number;
  readonly blobs: number;
}

/** Reads everything that a registry holds. @throws {TestkitError} ERR_TESTKIT_INCONSISTENT, naming every problem. */
export async function verify(core: RegistryCore): Promise<VerifiedCounts> {
  const problems: string[] = [];
  const counts = { tags: 0, manifests: 0, blobs: 0 };
  const sizes = new Map<Digest, number>();
  const { repositories } = core;
  for (const name of repositories.names) {
    for (const digest of repositories.blobs(name)) {
      counts.blobs += 1;
      const found = await read(core, digest);
      if (found !== undefined) sizes.set(digest, found.size);
      if (found?.digest !== digest) problems.push(`${name}: blob ${digest} holds ${found?.digest ?? 'nothing'}`);
    }
    for (const manifest of repositories.manifests(name)) {
      counts.manifests += 1;
      problems.push(...(await problemsOf(core, name, manifest, sizes)));
    }
    for (const tag of repositories.tags(name)) {
      counts.tags += 1;
      if (repositories.manifest(name, tag) === undefined) problems.push(`${name}: tag ${tag} points at nothing`);
    }
  }
  if (problems.length > 0) throw new TestkitError('ERR_TESTKIT_INCONSISTENT', problems.join('\n'));
  return counts;
}

/** What a content is; undefined where it is gone. */
async function read(core: RegistryCore, digest: Digest): Promise<MeasuredContent | undefined> {
  if ((await core.storage.sizeOf(digest)) === undefined) return undefined;
  return await digestStream(core.storage.read(digest), { algorithm: algorithmOf(digest) });
}

async function problemsOf(
  core: RegistryCore,
  repository: string,
  manifest: ManifestRecord,
  sizes: ReadonlyMap<Digest, number>,
): Promise<string[]> {
  const problems: string[] = [];
  const name = `${repository}@${manifest.digest}`;
  const bytes = await core.readAll(manifest.digest);
  const isSchema1 = isSchema1MediaType(manifest.mediaType);
  const actual = digestBytes(bytes, algorithmOf(manifest.digest));
  // What signs a schema 1 manifest is not part of its digest.
  if (!isSchema1 && actual !== manifest.digest) problems.push(`${name}: holds ${actual}`);
  for (const reference of manifest.references) {
    if (mayLiveElsewhere(reference)) continue;
    const { digest, size } = reference;
    const isIndex = listsManifest(manifest, reference);
    const child = isIndex ? core.repositories.manifest(repository, digest)?.size : sizes.get(digest);
    const isHere = isIndex ? child !== undefined : core.repositories.hasBlob(repository, digest);
    if (!isHere) problems.push(`${name}: ${digest} is missing`);
    // Schema 1 names layers without their size.
    else if (size !== child && !isSchema1) {
      problems.push(`${name}: ${digest} has ${child ?? 0} bytes, ${size} were promised`);
    }
  }
  return problems;
}
