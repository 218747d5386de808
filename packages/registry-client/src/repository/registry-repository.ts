import {
  ArgumentError,
  aBoolean,
  aFunction,
  aNumber,
  anObject,
  aSignal,
  aString,
  assertArgument,
  assertOptions,
  aText,
  kind,
  listOf,
  type OptionKinds,
  someBytes,
} from '@slipway/arguments';
import { isDigest } from '@slipway/digest';
import type { Access } from '../auth/authorizer.ts';
import { beginUpload, resumeUpload } from '../blobs/begin-upload.ts';
import { readBlob } from '../blobs/read-blob.ts';
import { statBlob } from '../blobs/stat-blob.ts';
import { deleteBlob, deleteManifest, deleteTag } from '../deletion/deletions.ts';
import { listedNames, pageQuery } from '../pages.ts';
import type { RegistryConnection } from '../registry-connection.ts';
import type { DeleteOptions, Repository, RepositoryRequests, StatManifestOptions } from '../repository.ts';
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
export function createRepository(
  connection: RegistryConnection,
  name: string,
  { actions, isAhead }: { readonly actions: string } & Pick<RepositoryAt, 'isAhead'>,
): Repository {
  assertArgument('path', name, aText);
  if (!isPath(name))
    throw new ArgumentError('path', `Expected \`path\` to be a repository's path, got ${JSON.stringify(name)}`);
  const access: Access = { repository: name, scopes: [`repository:${name}:${actions}`] };
  const path = (rest: string): string => `/v2/${name}/${rest}`;
  const at: RepositoryAt = { connection, name, access, isAhead, path };
  return composed({
    registry: connection.options.name,
    path: name,
    statBlob: async (digest, options = {}) => {
      assertDigest('digest', digest);
      assertOptions('options', options, { optional: { signal: aSignal } });
      return await statBlob(at, digest, options);
    },
    openBlob: (digest, options = {}) => {
      assertDigest('digest', digest);
      assertOptions('options', options, {
        optional: { from: aNumber, to: aNumber, size: aNumber, reuse: aBoolean, wanted: aNumber, signal: aSignal },
      });
      return readBlob(connection, { path: path(`blobs/${digest}`), digest }, access, options);
    },
    beginUpload: async (options = {}) => {
      assertOptions('options', options, { optional: { mount: anObject, signal: aSignal } });
      return await beginUpload(at, options);
    },
    resumeUpload: async (location, options = {}) => {
      assertArgument('location', location, aLocation);
      assertOptions('options', options, { optional: { signal: aSignal } });
      return await resumeUpload(at, location, options.signal);
    },
    statManifest: async (tagOrDigest, options = {}) => {
      assertOptions('options', options, manifestKinds);
      return await statManifest(at, tagOrDigest, options);
    },
    getManifest: async (tagOrDigest, options = {}) => {
      assertOptions('options', options, manifestKinds);
      return await getManifest(at, tagOrDigest, options);
    },
    putManifest: async (tagOrDigest, bytes, options) => {
      assertArgument('bytes', bytes, someBytes);
      assertOptions('options', options, {
        required: { mediaType: aText },
        optional: { digest: aText, signal: aSignal, onBodySent: aFunction },
      });
      return await putManifest(at, tagOrDigest, bytes, options);
    },
    referrers: async (subject, options = {}) => {
      assertDigest('subject', subject);
      assertOptions('options', options, { optional: { signal: aSignal } });
      return await queryReferrers(connection, path(`referrers/${subject}`), access, options);
    },
    listTags: (options = {}) => {
      assertOptions('options', options, { optional: { pageSize: aNumber, last: aString, signal: aSignal } });
      const { signal, ...page } = options;
      const target = path(`tags/list${pageQuery(page)}`);
      return listedNames(connection, { target, access, expect: [200], signal }, 'tags');
    },
    deleteManifest: async (digest, options = {}) => {
      assertOptions('options', options, deletionKinds);
      return await deleteManifest(at, digest, options);
    },
    deleteTag: async (tag, options = {}) => {
      assertOptions('options', options, deletionKinds);
      return await deleteTag(at, tag, options);
    },
    deleteBlob: async (digest, options = {}) => {
      assertOptions('options', options, deletionKinds);
      return await deleteBlob(at, digest, options);
    },
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
    resolve: async (tagOrDigest, options = {}) => {
      assertOptions('options', options, { optional: { ...manifestKinds.optional, verify: aBoolean } });
      return await resolve(requests, tagOrDigest, options);
    },
    getImage: async (tagOrDigest, options = {}) => {
      assertOptions('options', options, { optional: { platform: anObject, signal: aSignal } });
      return await getImage(requests, tagOrDigest, options);
    },
    listReferrers: async (subject, options = {}) => {
      assertOptions('options', options, { optional: { signal: aSignal } });
      return await listReferrers(requests, subject, options);
    },
  };
}

const manifestKinds: OptionKinds<StatManifestOptions> = { optional: { accept: listOf(aString), signal: aSignal } };
const deletionKinds: OptionKinds<DeleteOptions> = { optional: { confirm: aBoolean, signal: aSignal } };

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
