import { ArgumentError } from '@slipway/arguments';
import {
  type AbortOptions,
  algorithmOf,
  type ByteStream,
  type Digest,
  digestBytes,
  isDigest,
  type OpenOptions,
} from '@slipway/digest';
import { type Descriptor, mediaTypes } from '@slipway/manifest';
import { isTag } from '@slipway/reference';
import type { Access } from './auth/authorizer.ts';
import { isCovered, mergeScopes } from './auth/scopes.ts';
import { LateAbort } from './blobs/late-abort.ts';
import { readBlob } from './blobs/read-blob.ts';
import { createUploadSession } from './blobs/upload-session.ts';
import { assertSameDigest, contentDigest } from './content-digest.ts';
import type { Answer } from './http/answer.ts';
import { bodyOfBytes } from './http/request-body.ts';
import { isWebPage, webPageError, webPageLimit } from './http/web-page.ts';
import { listTagPages } from './list-tags.ts';
import { queryReferrers } from './referrers.ts';
import type { ConnectionRequest, RegistryConnection } from './registry-connection.ts';
import type {
  BeginUploadOptions,
  BeginUploadResult,
  BlobStat,
  ListTagsOptions,
  ManifestContent,
  ManifestStat,
  PutManifestOptions,
  PutManifestResult,
  Repository,
  StatManifestOptions,
  UploadSession,
} from './repository.ts';

/** Registries refuse to store larger ones. */
const maxManifestSize = 16_777_216;

const defaultAccept: readonly string[] = [
  mediaTypes.dockerManifest,
  mediaTypes.dockerManifestList,
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
];

export class RegistryRepository implements Repository {
  readonly path: string;
  readonly #connection: RegistryConnection;
  readonly #access: Access;

  constructor(connection: RegistryConnection, path: string, actions: string) {
    if (!isPath(path)) throw new ArgumentError('path', `Expected \`path\` to be a repository's path, got ${JSON.stringify(path)}`);
    this.path = path;
    this.#connection = connection;
    this.#access = { repository: path, scopes: [`repository:${path}:${actions}`] };
  }

  get registry(): string {
    return this.#connection.options.name;
  }

  async statBlob(digest: Digest, { signal }: AbortOptions = {}): Promise<BlobStat | undefined> {
    const answer = await this.#send({
      method: 'HEAD',
      target: this.#path(`blobs/${digest}`),
      expect: [200, 404],
      signal,
    });
    await answer.discard();
    if (isWebPage(answer, undefined)) throw webPageError(answer);
    return answer.status === 404 ? undefined : { digest, size: answer.size };
  }

  openBlob(digest: Digest, options: OpenOptions = {}): ByteStream {
    return readBlob(this.#connection, this.#path(`blobs/${digest}`), this.#access, options);
  }

  async beginUpload({ mount, signal }: BeginUploadOptions = {}): Promise<BeginUploadResult> {
    const query = mount === undefined ? '' : `?${mountQuery(mount)}`;
    const access = mount?.from === undefined ? this.#access : withPullFrom(this.#access, mount.from);
    using late = new LateAbort(signal, this.#connection.options.timeouts.disposalMs);
    const answer = await this.#connection.send({
      method: 'POST',
      target: `${this.#path('blobs/uploads/')}${query}`,
      access,
      expect: [200, 201, 202, 204],
      onBodySent: () => late.sent(),
      signal: late.signal,
    });
    await assertNoWebPage(answer);
    if (answer.status === 201) {
      if (mount === undefined) throw answer.protocolError('a blob where an upload session was asked for');
      assertSameDigest(answer, mount.digest);
      return { kind: 'mounted', digest: mount.digest };
    }
    const location = await this.#connection.location(answer);
    if (location === undefined) throw answer.protocolError('no Location for the upload session');
    const session = createUploadSession({ connection: this.#connection, access: this.#access, location, answer });
    if (signal?.aborted) {
      await session[Symbol.asyncDispose]();
      throw signal.reason;
    }
    return { kind: 'session', session };
  }

  async resumeUpload(location: URL, { signal }: AbortOptions = {}): Promise<UploadSession> {
    signal?.throwIfAborted();
    await this.#connection.assertAllowed(location);
    const session = createUploadSession({
      connection: this.#connection,
      access: this.#access,
      location: new URL(location),
      answer: undefined,
    });
    await session.refresh({ signal });
    return session;
  }

  async statManifest(tagOrDigest: string, options: StatManifestOptions = {}): Promise<ManifestStat | undefined> {
    const answer = await this.#askManifest('HEAD', tagOrDigest, options);
    await answer.discard();
    if (isWebPage(answer, undefined)) throw webPageError(answer);
    if (answer.status === 404) return undefined;
    return { mediaType: mediaTypeOf(answer), digest: contentDigest(answer), size: answer.size };
  }

  async getManifest(tagOrDigest: string, options: StatManifestOptions = {}): Promise<ManifestContent | undefined> {
    const answer = await this.#askManifest('GET', tagOrDigest, options);
    if (answer.status === 404) {
      await answer.discard();
      return undefined;
    }
    const { metadataMs } = this.#connection.options.timeouts;
    const bytes = await answer.bytes({ limit: maxManifestSize, timeoutMs: metadataMs });
    if (isWebPage(answer, bytes)) throw webPageError(answer);
    const asked = isDigest(tagOrDigest) ? tagOrDigest : undefined;
    const digest = digestBytes(bytes, asked && algorithmOf(asked));
    if (asked !== undefined && digest !== asked) throw answer.protocolError(`a manifest of another digest, ${digest}`);
    return { mediaType: mediaTypeOf(answer), digest, bytes };
  }

  async putManifest(
    tagOrDigest: string,
    bytes: Uint8Array,
    { mediaType, signal, onBodySent }: PutManifestOptions,
  ): Promise<PutManifestResult> {
    const answer = await this.#send({
      method: 'PUT',
      target: this.#manifestPath(tagOrDigest),
      headers: { 'content-type': mediaType },
      body: bodyOfBytes(bytes),
      commits: bytes.byteLength,
      onBodySent,
      expect: [200, 201, 202, 204],
      signal,
    });
    await assertNoWebPage(answer);
    const subject = answer.header('oci-subject');
    return {
      status: answer.status,
      digest: contentDigest(answer),
      location: targetOf(answer),
      ...(subject !== undefined && isDigest(subject) && { subject }),
    };
  }

  referrers(subject: Digest, options: AbortOptions = {}): Promise<readonly Descriptor[] | undefined> {
    return queryReferrers(this.#connection, this.#path(`referrers/${subject}`), this.#access, options);
  }

  listTags({ pageSize, signal }: ListTagsOptions = {}): AsyncIterable<string> {
    const query = pageSize === undefined ? '' : `?n=${pageSize}`;
    return listTagPages(this.#connection, `${this.#path('tags/list')}${query}`, this.#access, { signal });
  }

  async #askManifest(method: 'HEAD' | 'GET', tagOrDigest: string, options: StatManifestOptions): Promise<Answer> {
    const { accept = defaultAccept, signal } = options;
    return await this.#send({
      method,
      target: this.#manifestPath(tagOrDigest),
      headers: { accept: accept.join(', ') },
      expect: [200, 404],
      signal,
    });
  }

  async #send(request: Omit<ConnectionRequest, 'access'>): Promise<Answer> {
    return await this.#connection.send({ ...request, access: this.#access });
  }

  #manifestPath(tagOrDigest: string): string {
    if (!isTag(tagOrDigest) && !isDigest(tagOrDigest)) {
      throw new ArgumentError('tagOrDigest', `Expected \`tagOrDigest\` to be a tag or a digest, got ${JSON.stringify(tagOrDigest)}`);
    }
    return this.#path(`manifests/${tagOrDigest}`);
  }

  #path(rest: string): string {
    return `/v2/${this.path}/${rest}`;
  }
}

/** Not the grammar of references, which registries may widen: only what keeps to the repository's own URLs. */
function isPath(path: string): boolean {
  return path.split('/').every((part) => /^[A-Za-z0-9._-]+$/.test(part) && part !== '.' && part !== '..');
}

/** Keys in docker's order. */
function mountQuery({ digest, from }: NonNullable<BeginUploadOptions['mount']>): string {
  return new URLSearchParams({ ...(from !== undefined && { from }), mount: digest }).toString();
}

/** What is written to stays first: some token servers read no further. */
function withPullFrom(access: Access, from: string): Access {
  const scope = `repository:${from}:pull`;
  return isCovered(scope, access.scopes) ? access : { ...access, scopes: mergeScopes([...access.scopes, scope]) };
}

/** Reads a short answer to its end, so that the connection can be used again. */
async function assertNoWebPage(answer: Answer): Promise<void> {
  const body = await answer.bytes({ limit: webPageLimit, timeoutMs: 5_000, truncate: true }).catch(() => undefined); // its head says what counts
  if (body !== undefined && isWebPage(answer, body)) throw webPageError(answer);
}

/** Where an answer says that the thing is now; undefined for what is no URL. Nothing is sent there. */
function targetOf(answer: Answer): URL | undefined {
  const location = answer.header('location');
  return location !== undefined && URL.canParse(location, answer.url.href) ? new URL(location, answer.url) : undefined;
}

function mediaTypeOf(answer: Answer): string {
  return (answer.header('content-type')?.split(';', 1)[0] ?? '').trim();
}
