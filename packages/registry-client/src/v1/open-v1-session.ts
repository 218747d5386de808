import { assertSignal } from '@slipway/arguments';
import type { AbortOptions, ByteStream } from '@slipway/digest';
import type { Credentials } from '@slipway/docker-credentials';
import { createSharedWork, type SharedWork } from '@slipway/transfer';
import { jsonOf, memberOf } from '../answers/loose-json.ts';
import { RegistryError } from '../errors.ts';
import type { Answer } from '../http/answer/answer.ts';
import { closedError } from '../http/answer/network-error.ts';
import { assertNoWebPage, isWebPage, webPageError } from '../http/answer/web-page.ts';
import type { Method } from '../http/exchange.ts';
import type { HTTPClient } from '../http/http-client.ts';
import { openHTTP } from '../http/open-http.ts';
import { resolveLocation } from '../http/redirect/location.ts';
import { bodyOfBytes, bodyOfStream, type RequestBody } from '../http/request/request-body.ts';
import { type RegistryOptions, type ResolvedRegistryOptions, resolveRegistryOptions } from '../options.ts';
import type { SendOptions } from '../repository.ts';
import { CookieJar } from './cookie-jar.ts';
import { isAlreadyThere, noV1Error, quoted, quotedOrParserError, readRefusal, v1Error } from './v1-error.ts';
import type { V1Checksums, V1IndexEntry, V1Ping, V1Session } from './v1-session.ts';

/**
 * Opens the way to a v1 registry. Nothing is sent before it is used; credentials other than user and password are of no
 * use here.
 *
 * @throws {TypeError | RangeError} when an option is not what it has to be
 * @see https://github.com/moby/moby/blob/v1.12.6/registry/session.go
 */
export function openV1Session(options: RegistryOptions): V1Session {
  const resolved = resolveRegistryOptions(options);
  const { http, dispatchers } = openHTTP(resolved);
  let disposal: Promise<void> | undefined;
  return new RegistryV1Session(resolved, http, () => {
    disposal ??= dispatchers.destroy();
    return disposal;
  });
}

interface V1Request extends AbortOptions {
  readonly method: Method;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: RequestBody | undefined;
  readonly onTaken?: ((sent: number) => void) | undefined;
  /** The registry may be busy with a layer before it answers. */
  readonly isCommit?: boolean | undefined;
}

const maxIndexRedirects = 10;
/** What registries without v1 answer to its list of images, which one with v1 always has a place for. */
const lacksV1: ReadonlySet<number> = new Set([404, 405, 410]);
const json = { 'content-type': 'application/json' };
const maxDocumentSize = 16_777_216;

class RegistryV1Session implements V1Session {
  readonly #options: ResolvedRegistryOptions;
  readonly #http: HTTPClient;
  readonly #dispose: () => Promise<void>;
  readonly #cookies = new CookieJar();
  readonly #base: URL;
  #basic: string | undefined;
  /** User and password go with every request, and there are no tokens. */
  #isAlwaysBasic = false;
  #token: string | undefined;
  #lookup: SharedWork<Credentials | undefined> | undefined;
  #ended: RegistryError | undefined;

  constructor(options: ResolvedRegistryOptions, http: HTTPClient, dispose: () => Promise<void>) {
    this.#options = options;
    this.#http = http;
    this.#dispose = dispose;
    this.#base = new URL(`${options.url.pathname.replace(/\/$/, '')}/v1/`, options.url);
  }

  get registry(): string {
    return this.#options.name;
  }

  async start({ signal }: AbortOptions = {}): Promise<V1Ping> {
    assertSignal(signal);
    signal?.throwIfAborted();
    const credentials = await this.#lookUp(signal);
    if (credentials?.kind === 'basic' && credentials.username !== '') {
      this.#basic = `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
    }
    if (this.#base.protocol !== 'https:' || this.#base.href === 'https://index.docker.io/v1/') {
      return { standalone: true, version: undefined };
    }
    const answer = await this.#send({ method: 'GET', url: new URL('_ping', this.#base), signal });
    const ping = pingOf(answer, await this.#read(answer));
    this.#isAlwaysBasic = ping.standalone && this.#basic !== undefined;
    return ping;
  }

  async putIndex(
    repository: string,
    entries: readonly V1IndexEntry[],
    { signal }: AbortOptions = {},
  ): Promise<readonly URL[]> {
    // A capital T, as Docker writes it.
    const list = entries.map(({ id, tag }) => ({ id, ...(tag && { Tag: tag }) }));
    const path = `repositories/${repository}/`;
    const answer = await this.#putToIndex(path, list.length === 0 ? null : list, {}, { signal });
    if (lacksV1.has(answer.status)) throw noV1Error(await readRefusal(answer), repository);
    if (answer.status !== 200 && answer.status !== 201) {
      throw await indexError(answer, `trying to push repository ${repository}`);
    }
    await settle(answer);
    const hosts = answer.headers('x-docker-endpoints').flatMap((line) => line.split(',').map((host) => host.trim()));
    const endpoints = hosts.filter((host) => host !== '').map((host) => this.#endpoint(host, answer));
    if (endpoints.length === 0) throw answer.protocolError('no endpoints: X-Docker-Endpoints is missing');
    for (const endpoint of endpoints) await this.#http.policy.check(this.#base, endpoint);
    return endpoints;
  }

  async hasImage(endpoint: URL, id: string, { signal }: AbortOptions = {}): Promise<boolean> {
    assertSignal(signal);
    try {
      const answer = await this.#send({ method: 'GET', url: imageURL(endpoint, id, 'json'), signal });
      const bytes = await this.#read(answer);
      return answer.status === 200 && memberOf(parsed(bytes), 'id') === id;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof RegistryError) return false;
      throw error;
    }
  }

  async putJSON(endpoint: URL, id: string, bytes: Uint8Array, { signal }: AbortOptions = {}): Promise<boolean> {
    assertSignal(signal);
    const url = imageURL(endpoint, id, 'json');
    const answer = await this.#send({ method: 'PUT', url, headers: json, body: bodyOfBytes(bytes), signal }).catch(
      inDockersWords('Failed to upload metadata', signal),
    );
    if (answer.status === 200) {
      await settle(answer);
      return true;
    }
    const refusal = await readRefusal(answer);
    if (answer.status === 401 && endpoint.protocol === 'http:') {
      throw v1Error(refusal, 'HTTP code 401, Docker will not send auth headers over HTTP.');
    }
    if (isAlreadyThere(refusal)) return false;
    throw v1Error(refusal, `HTTP code ${answer.status} while uploading metadata: ${quotedOrParserError(refusal.body)}`);
  }

  async putLayer(
    endpoint: URL,
    id: string,
    layer: ByteStream,
    { signal, onProgress }: SendOptions = {},
  ): Promise<void> {
    assertSignal(signal);
    const answer = await this.#send({
      method: 'PUT',
      url: imageURL(endpoint, id, 'layer'),
      headers: { 'content-type': 'application/octet-stream' },
      body: bodyOfStream(layer),
      onTaken: onProgress,
      isCommit: true,
      signal,
    }).catch(inDockersWords('Failed to upload layer', signal));
    if (answer.status === 200) return await settle(answer);
    const refusal = await readRefusal(answer);
    throw v1Error(refusal, `Received HTTP code ${answer.status} while uploading layer: ${quoted(refusal.body)}`);
  }

  async putChecksums(
    endpoint: URL,
    id: string,
    { tarsum, payload }: V1Checksums,
    { signal }: AbortOptions = {},
  ): Promise<void> {
    assertSignal(signal);
    const answer = await this.#send({
      method: 'PUT',
      url: imageURL(endpoint, id, 'checksum'),
      headers: { 'x-docker-checksum': tarsum, 'x-docker-checksum-payload': payload },
      isCommit: true,
      signal,
    }).catch(inDockersWords('Failed to upload metadata', signal));
    if (answer.status === 200) return await settle(answer);
    const refusal = await readRefusal(answer);
    const { status } = answer;
    throw v1Error(
      refusal,
      isAlreadyThere(refusal)
        ? 'Image already exists'
        : `HTTP code ${status} while uploading metadata: ${quotedOrParserError(refusal.body)}`,
    );
  }

  async putTag(
    endpoint: URL,
    repository: string,
    tag: string,
    id: string,
    { signal }: AbortOptions = {},
  ): Promise<void> {
    const answer = await this.#send({
      method: 'PUT',
      url: tagURL(endpoint, repository, tag),
      headers: json,
      body: bodyOfBytes(new TextEncoder().encode(JSON.stringify(id))),
      signal,
    });
    if (answer.status === 200 || answer.status === 201) return await settle(answer);
    const refusal = await readRefusal(answer);
    throw v1Error(refusal, `Internal server error: ${answer.status} trying to push tag ${tag} on ${repository}`);
  }

  async getTag(
    endpoint: URL,
    repository: string,
    tag: string,
    { signal }: AbortOptions = {},
  ): Promise<string | undefined> {
    const url = tagURL(endpoint, repository, tag);
    const answer = await this.#send({ method: 'GET', url, signal });
    if (answer.status !== 200 && answer.status !== 404) {
      const refusal = await readRefusal(answer);
      throw v1Error(refusal, `${answer.status} for tag ${tag} of ${repository}: ${quoted(refusal.body)}`);
    }
    const bytes = await this.#read(answer);
    if (answer.status === 404) return undefined;
    const document = parsed(bytes);
    const id = typeof document === 'string' ? document : new TextDecoder().decode(bytes).trim();
    if (!/^[0-9a-f]{64}$/.test(id)) throw answer.protocolError('what is no image ID');
    return id;
  }

  async finish(repository: string, endpoints: readonly URL[], { signal }: AbortOptions = {}): Promise<void> {
    // Node joins lines of one header with a comma, which v1 registries split again.
    const headers = { 'x-docker-endpoints': endpoints.map(({ href }) => href).join(',') };
    const answer = await this.#putToIndex(`repositories/${repository}/images`, [], headers, { signal });
    if (answer.status === 204) return await answer.discard();
    throw await indexError(answer, `trying to push checksums ${repository}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= closedError(this.#options.url);
    this.#lookup?.abort(this.#ended);
    await this.#dispose();
  }

  /** Whoever looks credentials up may never answer. */
  async #lookUp(signal: AbortSignal | undefined): Promise<Credentials | undefined> {
    if (this.#ended !== undefined) throw this.#ended;
    const lookup = createSharedWork((own) => this.#options.credentials(this.registry, { signal: own }));
    this.#lookup = lookup;
    return await lookup.join(signal);
  }

  /** A short answer's body, which must be no web page. */
  async #read(answer: Answer): Promise<Uint8Array> {
    const { metadataMs } = this.#options.timeouts;
    const bytes = await answer.bytes({ limit: maxDocumentSize, timeoutMs: metadataMs });
    if (isWebPage(answer, bytes, '/v1/')) throw webPageError(answer, bytes, '/v1/');
    return bytes;
  }

  async #putToIndex(
    path: string,
    document: unknown,
    extra: Readonly<Record<string, string>>,
    { signal }: AbortOptions,
  ): Promise<Answer> {
    const body = bodyOfBytes(new TextEncoder().encode(JSON.stringify(document)));
    const headers = { ...json, 'x-docker-token': 'true', ...extra };
    let url = new URL(path, this.#base);
    for (let redirects = 0; ; redirects += 1) {
      const answer = await this.#send({ method: 'PUT', url, headers, body, signal });
      const location = answer.header('location');
      if (answer.status < 300 || answer.status >= 400 || location === undefined) return answer;
      if (redirects === maxIndexRedirects) throw answer.protocolError(`more than ${maxIndexRedirects} redirects`);
      await answer.discard();
      const target = resolveLocation(location, url);
      await this.#http.policy.check(url, target);
      url = target;
    }
  }

  async #send({ method, url, headers, body, onTaken, signal, isCommit = false }: V1Request): Promise<Answer> {
    const { metadataMs, idleMs, commitMs } = this.#options.timeouts;
    const cookie = this.#cookies.header(url);
    const authorization = this.#authorization(url, headers?.['x-docker-token'] === 'true');
    const answer = await this.#http.send({
      method,
      url,
      headers: { ...headers, ...(cookie && { cookie }), ...(authorization && { authorization }) },
      body,
      onTaken,
      signal,
      answerTimeoutMs: isCommit ? commitMs : metadataMs,
      idleTimeoutMs: body === undefined ? metadataMs : idleMs,
    });
    this.#cookies.store(answer.url, answer.headers('set-cookie'));
    const tokens = answer.headers('x-docker-token');
    if (tokens.length > 0) this.#token = `Token ${tokens.join(',')}`;
    return answer;
  }

  /** Passwords go to the registry that was asked for; tokens, made for the purpose, also to the endpoints it names. */
  #authorization(url: URL, asksForToken: boolean): string | undefined {
    const isOurs = url.origin === this.#base.origin;
    if (this.#isAlwaysBasic) return isOurs ? this.#basic : undefined;
    if (asksForToken && this.#basic !== undefined) return isOurs ? this.#basic : undefined;
    return this.#token;
  }

  #endpoint(host: string, answer: Answer): URL {
    const text = `${this.#base.protocol}//${host}/v1/`;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || url.pathname !== '/v1/' || url.username !== '' || url.search !== '' || url.hash !== '') {
      throw answer.protocolError(`an endpoint that is no host: ${JSON.stringify(host.slice(0, 120))}`);
    }
    return url;
  }
}

function imageURL(endpoint: URL, id: string, what: string): URL {
  return new URL(`images/${id}/${what}`, endpoint);
}

function tagURL(endpoint: URL, repository: string, tag: string): URL {
  return new URL(`repositories/${repository}/tags/${tag}`, endpoint);
}

/** Ends an answer whose status is all it has to say, unless a web page says it. */
async function settle(answer: Answer): Promise<void> {
  await assertNoWebPage(answer, '/v1/');
}

/** Many answered `true`, or nothing: the defaults hold then. */
function pingOf(answer: Answer, bytes: Uint8Array): V1Ping {
  const said = parsed(bytes);
  const [standalone, version] = [memberOf(said, 'standalone'), memberOf(said, 'version')];
  const header = answer.header('x-docker-registry-standalone') ?? '';
  return {
    standalone: header === '' ? standalone !== false : header.toLowerCase() === 'true' || header === '1',
    version: answer.header('x-docker-registry-version') ?? (typeof version === 'string' ? version : undefined),
  };
}

function parsed(bytes: Uint8Array): unknown {
  return jsonOf(new TextDecoder().decode(bytes));
}

async function indexError(answer: Answer, what: string): Promise<RegistryError> {
  const refusal = await readRefusal(answer);
  if (answer.status === 401) return v1Error(refusal, 'unauthorized: authentication required');
  return v1Error(refusal, `Error: Status ${answer.status} ${what}: ${quoted(refusal.body)}`);
}

/** Names the step in front of what the network said. */
function inDockersWords(prefix: string, signal: AbortSignal | undefined): (error: unknown) => never {
  return (error) => {
    signal?.throwIfAborted();
    if (!(error instanceof RegistryError)) throw error;
    const { code, reason, hint, transient, message } = error;
    throw new RegistryError(`${prefix}: ${message}`, { code, reason, hint, transient, cause: error });
  };
}
