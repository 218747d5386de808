import { algorithmOf, type Digest, digestBytes, isDigest } from '@slipway/digest';
import { type Descriptor, isSchema1MediaType, mediaTypes, secondReadingOf } from '@slipway/manifest';
import { isTag } from '@slipway/reference';
import type { RegistryCore } from '../core.ts';
import type { Exchange } from '../exchange.ts';
import type { ManifestRecord } from '../storage/repositories.ts';
import { describeManifest, listsManifest, mayLiveElsewhere, namesItsMediaType } from './describe-manifest.ts';
import { locate } from './locations.ts';
import { Refusal } from './refusal.ts';

/** HEAD and GET of a manifest, by tag or digest. */
export async function getManifest(core: RegistryCore, exchange: Exchange): Promise<void> {
  const { repository, target, kind } = exchange.route;
  const named = core.options.quirks.digestTags
    ? core.repositories.manifest(repository, target.replace('-', ':'))
    : undefined;
  const record = named ?? core.repositories.manifest(repository, target);
  if (record === undefined) {
    const status = kind === 'manifest-head' ? core.options.quirks.manifestHeadMissStatus : 404;
    throw new Refusal('MANIFEST_UNKNOWN', { status, detail: { tagOrDigest: target } });
  }
  const headers = { 'Content-Type': record.mediaType, 'Docker-Content-Digest': record.digest };
  await exchange.answer(200, headers, await core.readAll(record.digest));
}

/** PUT of a manifest: taken only when all that it names is there. */
export async function putManifest(core: RegistryCore, exchange: Exchange): Promise<void> {
  const { repository, target } = exchange.route;
  const mediaType = (exchange.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  assertAccepted(core, exchange, mediaType);
  const bytes = await readManifest(core, exchange);
  const record = identify(bytes, mediaType, target);
  if (core.options.quirks.manifestNeedsMediaType && !namesItsMediaType(bytes)) {
    throw new Refusal('MANIFEST_INVALID', { message: 'manifest has no mediaType' });
  }
  assertComplete(core, repository, record);

  const isTagged = target !== record.digest;
  const { immutableTags } = core.options.quirks;
  if (isTagged && immutableTags && core.repositories.hasTag(repository, target)) {
    throw new Refusal('TAG_INVALID', { status: immutableTags.status, message: `tag ${target} is immutable` });
  }
  await core.writeAll(record.digest, bytes);
  await core.repositories.addManifest(repository, record);
  if (isTagged) await core.repositories.setTag(repository, target, record.digest);
  await exchange.answer(201, {
    Location: locate(exchange, core.options.quirks, `/v2/${repository}/manifests/${record.digest}`),
    'Docker-Content-Digest': record.digest,
    ...(record.subject && core.options.quirks.referrers ? { 'OCI-Subject': record.subject } : {}),
  });
}

/** DELETE of a tag, or of a manifest with all its tags. */
export async function deleteManifest(core: RegistryCore, exchange: Exchange): Promise<void> {
  const { repositories, options } = core;
  const { manifestDelete, tagDelete } = options.quirks;
  const { repository, target } = exchange.route;
  const isTag = !target.includes(':');
  if ((isTag ? tagDelete : manifestDelete) === 'unsupported') throw new Refusal('UNSUPPORTED');
  if (isTag && tagDelete === 'bad-digest') throw new Refusal('DIGEST_INVALID');
  const record = repositories.manifest(repository, target);
  if (record === undefined) throw new Refusal('MANIFEST_UNKNOWN', { detail: { tagOrDigest: target } });
  const isLast = repositories.tagsOf(repository, record.digest).length === 1;
  const takesManifest = tagDelete === 'with-manifest' || (tagDelete === 'last-with-manifest' && isLast);
  if (!isTag || takesManifest) await repositories.removeManifest(repository, record.digest);
  else await repositories.removeTag(repository, target);
  await exchange.answer(202, {});
}

/** GET of the manifests that name a digest as their subject. */
export async function listReferrers(core: RegistryCore, exchange: Exchange): Promise<void> {
  const { repository, target } = exchange.route;
  if (!core.options.quirks.referrers) throw new Refusal('UNSUPPORTED', { status: 404 });
  if (!isDigest(target)) throw new Refusal('DIGEST_INVALID');
  const wanted = exchange.parameter('artifactType');
  const manifests: Descriptor[] = core.repositories
    .manifests(repository)
    .filter(({ subject, artifactType }) => subject === target && (wanted ?? artifactType) === artifactType)
    .map(({ mediaType, digest, size, artifactType, annotations }) => ({
      mediaType,
      digest,
      size,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    }));
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  const headers = {
    'Content-Type': mediaTypes.ociIndex,
    ...(wanted === undefined ? {} : { 'OCI-Filters-Applied': 'artifactType' }),
  };
  await exchange.answer(200, headers, new TextEncoder().encode(JSON.stringify(index)));
}

function assertAccepted(core: RegistryCore, exchange: Exchange, mediaType: string): void {
  const { quirks, schema1 } = core.options;
  if (quirks.manifestNeedsLength && exchange.header('content-length') === undefined) {
    throw new Refusal('SIZE_INVALID', { status: 411, message: 'Content-Length is required' });
  }
  const refuse = (message: string, status: number): never => {
    throw new Refusal('MANIFEST_INVALID', { status, message });
  };
  if (mediaType === '') refuse('Content-Type is missing', 400);
  if (isSchema1MediaType(mediaType) && !schema1) refuse('schema 1 manifests are not accepted', 400);
  const isDocker = mediaType === mediaTypes.dockerManifest || mediaType === mediaTypes.dockerManifestList;
  if (isDocker && quirks.ociOnly) refuse(`${mediaType} is not accepted`, 415);
}

async function readManifest(core: RegistryCore, exchange: Exchange): Promise<Uint8Array> {
  const { manifestMaxBytes } = core.options;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of exchange.body()) {
    size += chunk.byteLength;
    if (size > manifestMaxBytes) {
      throw new Refusal('MANIFEST_INVALID', {
        status: 413,
        message: `manifest is larger than ${manifestMaxBytes} bytes`,
      });
    }
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** The manifest under the digest it was put under, or under its own when it was put under a tag. */
function identify(bytes: Uint8Array, mediaType: string, target: string): ManifestRecord {
  const record = describeManifest(bytes, mediaType);
  const second = secondReadingOf(bytes);
  if (second !== undefined) throw new Refusal('MANIFEST_INVALID', { message: `manifest is ambiguous: ${second}` });
  if (!target.includes(':')) {
    if (!isTag(target)) throw new Refusal('TAG_INVALID', { message: `bad tag ${JSON.stringify(target)}` });
    return record;
  }
  if (!isDigest(target)) throw new Refusal('DIGEST_INVALID');
  const algorithm = algorithmOf(target);
  const digest = algorithm === 'sha256' ? record.digest : digestBytes(bytes, algorithm);
  if (digest !== target) throw new Refusal('DIGEST_INVALID', { detail: { expected: target, actual: digest } });
  return { ...record, digest };
}

function assertComplete(core: RegistryCore, repository: string, record: ManifestRecord): void {
  for (const reference of record.references) {
    if (mayLiveElsewhere(reference)) continue;
    const { digest } = reference;
    const has = listsManifest(record, reference)
      ? core.repositories.manifest(repository, digest) !== undefined
      : core.repositories.hasBlob(repository, digest as Digest);
    if (!has) throw new Refusal('MANIFEST_BLOB_UNKNOWN', { detail: { digest } });
  }
}
