import { ArgumentError } from '@slipway/arguments';
import { type Digest, isDigest } from '@slipway/digest';
import { isTag } from '@slipway/reference';
import { statBlob } from '../blobs/stat-blob.ts';
import { RegistryError, type RegistryOperation, reworded } from '../errors.ts';
import { assertNoWebPage } from '../http/answer/web-page.ts';
import { getManifest, manifestPath, statManifest } from '../repository/manifests.ts';
import type { RepositoryAt } from '../repository/repository-at.ts';
import { resolve } from '../repository/resolve.ts';
import type { DeletedTag, DeleteOptions, StatManifestOptions } from '../repository.ts';

/** Deletes a manifest with its tags. @returns false where it was not there */
export async function deleteManifest(
  at: RepositoryAt,
  digest: Digest,
  { confirm = true, signal }: DeleteOptions,
): Promise<boolean> {
  if (!isDigest(digest)) {
    throw new ArgumentError(
      'digest',
      `Expected \`digest\` to be a digest, got ${JSON.stringify(digest)}; \`deleteTag\` deletes a tag`,
    );
  }
  const target = manifestPath(at, digest);
  const deletion = { at, operation: 'delete-manifest', target, subject: `manifest ${digest}`, signal } as const;
  const absent = await sendDelete(deletion);
  if (confirm && (await isSeen(() => manifestNamed(at, digest, signal)))) throw stillThere(deletion, absent);
  return absent === undefined;
}

/** Deletes a tag, and nothing else. @returns undefined where it was not there */
export async function deleteTag(
  at: RepositoryAt,
  tag: string,
  { confirm = true, signal }: DeleteOptions,
): Promise<DeletedTag | undefined> {
  if (!isTag(tag)) {
    throw new ArgumentError(
      'tag',
      `Expected \`tag\` to be a tag, got ${JSON.stringify(tag)}; \`deleteManifest\` deletes by digest`,
    );
  }
  const target = manifestPath(at, tag);
  const deletion = { at, operation: 'delete-tag', target, subject: `tag ${tag}`, signal } as const;
  const before = confirm ? await manifestNamed(at, tag, signal) : undefined;
  if (confirm && before === undefined) return undefined;
  const absent = await sendDelete(deletion);
  if (before === undefined) return absent === undefined ? { digest: undefined, keepsManifest: undefined } : undefined;
  // Another digest under the tag is another push, which came in between.
  if (await isSeen(async () => (await manifestNamed(at, tag, signal)) === before)) throw stillThere(deletion, absent);
  return { digest: before, keepsManifest: await isSeen(() => manifestNamed(at, before, signal)) };
}

/** Deletes a blob. @returns false where it was not there */
export async function deleteBlob(
  at: RepositoryAt,
  digest: Digest,
  { confirm = true, signal }: DeleteOptions,
): Promise<boolean> {
  if (!isDigest(digest)) {
    throw new ArgumentError('digest', `Expected \`digest\` to be a digest, got ${JSON.stringify(digest)}`);
  }
  const target = at.path(`blobs/${digest}`);
  const deletion = { at, operation: 'delete-blob', target, subject: `blob ${digest}`, signal } as const;
  const absent = await sendDelete(deletion);
  if (confirm && (await isSeen(() => statBlob(at, digest, { signal })))) throw stillThere(deletion, absent);
  return absent === undefined;
}

/** Digest of what a tag or digest names, whatever it is. */
async function manifestNamed(
  at: RepositoryAt,
  tagOrDigest: string,
  signal: AbortSignal | undefined,
): Promise<Digest | undefined> {
  const requests = {
    statManifest: (name: string, options: StatManifestOptions = {}) => statManifest(at, name, options),
    getManifest: (name: string, options: StatManifestOptions = {}) => getManifest(at, name, options),
  };
  return (await resolve(requests, tagOrDigest, { signal }))?.digest;
}

/** Whether a look finds something. A registry that lets nobody look at what is gone answers 401 or 403. */
async function isSeen(look: () => Promise<unknown>): Promise<boolean> {
  try {
    const found = await look();
    return found !== undefined && found !== false;
  } catch (error) {
    if (error instanceof RegistryError && (error.status === 401 || error.status === 403)) return false;
    throw error;
  }
}

interface Deletion {
  readonly at: RepositoryAt;
  readonly operation: RegistryOperation;
  readonly target: string;
  /** What is to go, in words. */
  readonly subject: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends a DELETE. The right to delete is asked for when the registry names it: token servers that do not know the word
 * refuse every request with it (Quay's).
 *
 * @returns the answer of a registry that has no such thing; undefined once it says that it is gone
 */
async function sendDelete({ at, operation, target, signal }: Deletion): Promise<RegistryError | undefined> {
  const { connection, name } = at;
  const access = { repository: name, scopes: [`repository:${name}:push,pull`], purpose: 'delete' } as const;
  try {
    const answer = await connection.send({ method: 'DELETE', target, access, expect: [200, 202, 204], signal });
    await assertNoWebPage(answer);
    return undefined;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    if (isUnsupported(error, operation)) throw unsupported(error, operation);
    if (error.status !== 404) throw error;
    return error;
  }
}

/** A registry that deletes nothing, or no tags: distribution 2 takes a tag for a bad digest, and answers 400. */
function isUnsupported({ status, diagnostics }: RegistryError, operation: RegistryOperation): boolean {
  if (status === 405 || status === 501) return true;
  if (status === 400 && operation === 'delete-tag') return true;
  return status !== undefined && status < 500 && diagnostics.some(({ code }) => code === 'UNSUPPORTED');
}

function unsupported(error: RegistryError, operation: RegistryOperation): RegistryError {
  return reworded(error, error.message, { code: 'ERR_REGISTRY_UNSUPPORTED', operation, transient: false });
}

/** What to throw where the thing is there after a DELETE. */
function stillThere(
  { at: { connection, name }, operation, subject }: Deletion,
  absent: RegistryError | undefined,
): RegistryError {
  // A 404 that does not say what is unknown comes from something that does not know the request.
  if (absent !== undefined && !absent.diagnostics.some(({ code }) => code.endsWith('_UNKNOWN'))) {
    return unsupported(reworded(absent, `${absent.message}; it is there all the same`), operation);
  }
  const said = absent === undefined ? 'confirmed the deletion of' : 'says that it does not know';
  return new RegistryError(`${connection.options.name}/${name} ${said} ${subject}, and still has it`, {
    code: 'ERR_REGISTRY_NOT_DELETED',
    operation,
    transient: true,
  });
}
