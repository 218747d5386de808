import { ArgumentError, anObject, assertArgument, assertOptions, aText, kind, someBytes } from '@slipway/arguments';
import { isDigest } from '@slipway/digest';
import type { Access } from '../auth/authorizer.ts';
import { beginUpload, resumeUpload } from '../blobs/begin-upload.ts';
import { readBlob } from '../blobs/read-blob.ts';
import { statBlob } from '../blobs/stat-blob.ts';
import { deleteBlob, deleteManifest, deleteTag } from '../deletion/deletions.ts';
import { listedNames, pageQuery } from '../pages.ts';
import type { RegistryConnection } from '../registry-connection.ts';
import type { Repository, RepositoryRequests } from '../repository.ts';
import { getImage } from './get-image.ts';
import { getManifest, putManifest, statManifest } from './manifests.ts';
import { listReferrers, queryReferrers } from './referrers.ts';
import type { RepositoryAt } from './repository-at.ts';
import { resolve } from './resolve.ts';

/**
 * The repository at a path. Nothing is sent.
 *
 * @throws {TypeError} for what could be no path
 */
export function createRepository(connection: RegistryConnection, name: string, actions: string): Repository {
  assertArgument('path', name, aText);
  if (!isPath(name))
    throw new ArgumentError('path', `Expected \`path\` to be a repository's path, got ${JSON.stringify(name)}`);
  const access: Access = { repository: name, scopes: [`repository:${name}:${actions}`] };
  const path = (rest: string): string => `/v2/${name}/${rest}`;
  const at: RepositoryAt = { connection, name, access, path };
  return composed({
    registry: connection.options.name,
    path: name,
    statBlob: async (digest, options = {}) => {
      assertDigest('digest', digest);
      return await statBlob(at, digest, options);
    },
    openBlob: (digest, options = {}) => {
      assertDigest('digest', digest);
      return readBlob(connection, path(`blobs/${digest}`), access, options);
    },
    beginUpload: (options = {}) => beginUpload(at, options),
    resumeUpload: async (location, { signal } = {}) => {
      assertArgument('location', location, aLocation);
      return await resumeUpload(at, location, signal);
    },
    statManifest: (tagOrDigest, options = {}) => statManifest(at, tagOrDigest, options),
    getManifest: (tagOrDigest, options = {}) => getManifest(at, tagOrDigest, options),
    putManifest: async (tagOrDigest, bytes, options) => {
      assertArgument('bytes', bytes, someBytes);
      assertOptions('options', options, { required: { mediaType: aText } });
      return await putManifest(at, tagOrDigest, bytes, options);
    },
    referrers: async (subject, options = {}) => {
      assertDigest('subject', subject);
      return await queryReferrers(connection, path(`referrers/${subject}`), access, options);
    },
    listTags: ({ signal, ...page } = {}) => {
      const target = path(`tags/list${pageQuery(page)}`);
      return listedNames(connection, { target, access, expect: [200], signal }, 'tags');
    },
    deleteManifest: (digest, options = {}) => deleteManifest(at, digest, options),
    deleteTag: (tag, options = {}) => deleteTag(at, tag, options),
    deleteBlob: (digest, options = {}) => deleteBlob(at, digest, options),
  });
}

/**
 * A repository some of whose requests go another way: through a cache, with retries, counted. What is made of several
 * requests (`resolve`, `getImage`, `listReferrers`) is made of those.
 *
 * @example
 * const patient = wrapRepository(repository, {
 *   getManifest: (name, options) => retry(() => repository.getManifest(name, options)),
 * });
 */
export function wrapRepository(repository: Repository, requests: Partial<RepositoryRequests>): Repository {
  assertArgument('repository', repository, anObject);
  assertArgument('requests', requests, anObject);
  return composed({ ...repository, ...requests });
}

function composed(requests: RepositoryRequests): Repository {
  return {
    ...requests,
    resolve: (tagOrDigest, options = {}) => resolve(requests, tagOrDigest, options),
    getImage: (tagOrDigest, options = {}) => getImage(requests, tagOrDigest, options),
    listReferrers: (subject, options = {}) => listReferrers(requests, subject, options),
  };
}

const aLocation = kind('a URL', (value) => value instanceof URL);

/** What is no digest would be another path. @throws {ArgumentError} `ERR_ARGUMENT` */
function assertDigest(argument: string, value: unknown): void {
  assertArgument(argument, value, aDigest);
}

/** Registries of 2015 know layers by `tarsum.v1+sha256:…` too. */
const aDigest = kind('a digest', (value) => {
  return isDigest(value) || (typeof value === 'string' && /^tarsum[a-z0-9.+]*:[a-f0-9]{64}$/.test(value));
});

/** Not the grammar of references, which registries may widen: only what keeps to the repository's own URLs. */
function isPath(path: string): boolean {
  return path.split('/').every((part) => /^[A-Za-z0-9._-]+$/.test(part) && part !== '.' && part !== '..');
}
