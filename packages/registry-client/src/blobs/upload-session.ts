import { assertSignal, surviving } from '@slipway/arguments';
import type { AbortOptions, Content, Digest } from '@slipway/digest';
import { assertSameDigest } from '../answers/content-digest.ts';
import { RegistryError, reworded } from '../errors.ts';
import type { Answer } from '../http/answer/answer.ts';
import { leadsNowhere } from '../http/redirect/leads-nowhere.ts';
import { acknowledgedBytes, type ByteRange, parseRange, withParameter } from '../http/redirect/location.ts';
import { redactURL } from '../http/redirect/redact-url.ts';
import { bodyOfContent, bodyOfStreamed, type RequestBody } from '../http/request/request-body.ts';
import type { ConnectionRequest, RegistryConnection } from '../registry-connection.ts';
import type { RepositoryAt } from '../repository/repository-at.ts';
import type { BlobStat, SendOptions, StreamedContent, UploadSession, WaitOptions } from '../repository.ts';
import { statBlob } from './stat-blob.ts';

/** ECR answers a PATCH with 201, others with 204; the specification says 202 and 201. */
const accepted: readonly number[] = [200, 201, 202, 204];
const octetStream = 'application/octet-stream';

/** A lower `OCI-Chunk-Max-Length` is a mistake: a layer would take a request for each few bytes (decision 0313). */
const leastMaximum = 8_192;

/** What a session begins with. */
export interface UploadSessionState {
  readonly at: RepositoryAt;
  readonly location: URL;
  /** The answer that opened it, for its chunk limits. */
  readonly answer: Answer | undefined;
}

/** Makes the session that an answer to a POST describes. */
export function createUploadSession(state: UploadSessionState): UploadSession {
  return new RegistryUploadSession(state);
}

class RegistryUploadSession implements UploadSession {
  readonly #at: RepositoryAt;
  readonly #connection: RegistryConnection;
  #location: URL;
  #offset = 0;
  /** Bytes that may have arrived; undefined while only another process knows. */
  #sent: number | undefined;
  #minChunkSize: number | undefined;
  #maxChunkSize: number | undefined;
  /** The offset is what the registry said when it was asked, and not what it acknowledged. */
  #isTakenUp = false;
  #isOpen = true;

  constructor({ at, location, answer }: UploadSessionState) {
    this.#at = at;
    this.#connection = at.connection;
    this.#location = location;
    this.#sent = answer === undefined ? undefined : 0;
    if (answer !== undefined) this.#adoptLimits(answer);
  }

  get location(): URL {
    return new URL(this.#location);
  }

  get offset(): number {
    return this.#offset;
  }

  get minChunkSize(): number | undefined {
    return this.#minChunkSize;
  }

  get maxChunkSize(): number | undefined {
    return this.#maxChunkSize;
  }

  async stream(content: StreamedContent, options: SendOptions = {}): Promise<number> {
    // No Content-Range: the length is not known, and one request carries everything.
    return await this.#patch(bodyOfStreamed(content, this.#offset), {}, options);
  }

  async append(chunk: Content, options: SendOptions = {}): Promise<number> {
    assertSignal(options.signal);
    options.signal?.throwIfAborted();
    if (chunk.size === 0) return this.#offset;
    // Inclusive, and without a unit: the specification's own form, which some check to the letter.
    const range = `${this.#offset}-${this.#offset + chunk.size - 1}`;
    return await this.#patch(bodyOfContent(chunk), { 'content-range': range }, options);
  }

  async put(content: Content, digest: Digest, { signal, onProgress, onBodySent }: SendOptions = {}): Promise<void> {
    const from = this.#offset;
    const range = from > 0 && from < content.size ? { 'content-range': `${from}-${content.size - 1}` } : {};
    const answer = await this.#send({
      method: 'PUT',
      target: withParameter(this.#location, 'digest', digest),
      headers: { 'content-type': octetStream, ...range },
      body: bodyOfContent(content, from),
      onTaken: this.#counting(onProgress),
      onBodySent: surviving('onBodySent', onBodySent),
      commits: content.size,
      signal,
    });
    await this.#committed(answer, { digest, size: content.size }, signal);
  }

  async commit(digest: Digest, { signal, onBodySent }: WaitOptions = {}): Promise<void> {
    const answer = await this.#send({
      method: 'PUT',
      target: withParameter(this.#location, 'digest', digest),
      headers: { 'content-type': octetStream },
      onBodySent: surviving('onBodySent', onBodySent),
      commits: this.#offset,
      signal,
    });
    await this.#committed(answer, { digest, size: this.#offset }, signal);
  }

  async refresh({ signal }: AbortOptions = {}): Promise<number> {
    const answer = await this.#send({ method: 'GET', target: this.#location, signal });
    await answer.discard();
    const header = answer.header('range');
    const range = header === undefined ? undefined : parseRange(header);
    if (range === undefined) throw lost('GET', this.#location, 'the registry does not say how much it has');
    await this.#adopt(answer);
    return this.#moveTo(range);
  }

  keep(): void {
    this.#isOpen = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      const answer = await this.#connection.send({
        method: 'DELETE',
        target: this.#location,
        access: this.#at.access,
        expect: [...accepted, 404],
        // Not the caller's: its abort may be why we are here.
        signal: AbortSignal.timeout(this.#connection.options.timeouts.disposalMs),
      });
      await answer.discard();
    } catch {
      // Best effort: registries let sessions expire, and some allow nobody to end them.
    }
  }

  async #patch(
    body: RequestBody,
    headers: Record<string, string>,
    { signal, onProgress, onBodySent }: SendOptions,
  ): Promise<number> {
    const before = this.#offset;
    let taken = 0;
    const count = this.#counting(onProgress);
    const answer = await this.#send({
      method: 'PATCH',
      target: this.#location,
      headers: { 'content-type': octetStream, ...headers },
      body,
      onTaken: (sent) => {
        taken = sent;
        count(sent);
      },
      onBodySent: surviving('onBodySent', onBodySent),
      commits: body.size ?? Number.POSITIVE_INFINITY, // storage behind the registry may take its time over each chunk
      signal,
    });
    await answer.discard();
    const header = answer.header('range');
    this.#offset = header === undefined ? before + taken : this.#acknowledged(answer, header);
    await this.#adopt(answer);
    return this.#offset;
  }

  #acknowledged(answer: Answer, header: string): number {
    const range = parseRange(header);
    if (range === undefined) throw answer.protocolError(`a bad range format: ${JSON.stringify(header.slice(0, 100))}`);
    const offset = acknowledgedBytes(range, this.#sent);
    if (this.#sent !== undefined && offset > this.#sent) {
      // A replica that lagged behind had said less than there is: where to go on from is not known.
      if (this.#isTakenUp) throw lost('PATCH', this.#location, `the registry has ${offset} bytes, and had said less`);
      throw answer.protocolError(`a range of ${offset} bytes, more than the ${this.#sent} that were sent`);
    }
    return offset;
  }

  /** Takes over where the registry is, not knowing what of the bytes sent has arrived: a single one may not have. */
  #moveTo(range: ByteRange): number {
    this.#isTakenUp = true;
    this.#offset = acknowledgedBytes(range, this.#sent === 1 ? undefined : this.#sent);
    this.#sent = this.#offset;
    return this.#offset;
  }

  /** Reports totals of the session, and remembers them. A request that is repeated counts from its beginning again. */
  #counting(onProgress: SendOptions['onProgress']): (sent: number) => void {
    const before = this.#offset;
    const tell = surviving('onProgress', onProgress);
    return (sent) => {
      if (this.#sent !== undefined) this.#sent = before + sent;
      tell?.(before + sent);
    };
  }

  async #send(request: Omit<ConnectionRequest, 'access' | 'expect'>): Promise<Answer> {
    assertSignal(request.signal);
    request.signal?.throwIfAborted();
    try {
      const answer = await this.#sendWhereItLeads({ ...request, access: this.#at.access, expect: [...accepted, 416] });
      if (answer.status === 416) throw await this.#offsetError(answer);
      return answer;
    } catch (error) {
      throw this.#asLost(request.method, error);
    }
  }

  /** The registry said where the upload goes: when nothing answers there, that is what is wrong, and not the moment. */
  async #sendWhereItLeads(request: ConnectionRequest): Promise<Answer> {
    const target = request.target;
    try {
      return await this.#connection.send(request);
    } catch (error) {
      if (typeof target === 'string' || !leadsNowhere(error) || this.#connection.isOwn(target)) throw error;
      const own = this.#connection.ownAddress(target);
      if (own === undefined) throw misdirected(error, this.#connection.options.url, target);
      const answer = await this.#connection.send({ ...request, target: own });
      this.#location = this.#connection.ownAddress(this.#location) ?? this.#location;
      return answer;
    }
  }

  /** Some registries say with a 416 where they are, and so the session can go on from there. */
  async #offsetError(answer: Answer): Promise<RegistryError> {
    const error = await this.#connection.error(answer);
    const header = answer.header('range');
    const range = header === undefined ? undefined : parseRange(header);
    const offset = range === undefined ? undefined : this.#moveTo(range);
    await this.#adopt(answer);
    const { status, diagnostics, dockerMessage, retryAfterMs, message, proxy } = error;
    return new RegistryError(message, {
      code: 'ERR_SESSION_OFFSET',
      status,
      diagnostics,
      dockerMessage,
      retryAfterMs,
      transient: true,
      offset,
      proxy,
    });
  }

  /** Tells a session that is gone from everything else that can be wrong. */
  #asLost(method: string, error: unknown): unknown {
    if (!(error instanceof RegistryError) || !isLost(method, error)) return error;
    this.#isOpen = false;
    const { status, diagnostics, dockerMessage, message, proxy } = error;
    return new RegistryError(message, {
      code: 'ERR_SESSION_LOST',
      proxy,
      status,
      diagnostics,
      dockerMessage: status === 404 ? 'blob upload unknown' : dockerMessage,
      transient: true,
    });
  }

  /** With any other answer than 201, the registry has to show the blob. */
  async #committed(
    answer: Answer,
    { digest, size }: { readonly digest: Digest; readonly size: number },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    this.#isOpen = false;
    await answer.discard();
    assertSameDigest(answer, digest);
    if (answer.status === 201) return;
    if (await isDenied(statBlob(this.#at, digest, { signal }), size)) {
      throw answer.protocolError(`success, and does not have the blob ${digest}`);
    }
  }

  async #adopt(answer: Answer): Promise<void> {
    this.#adoptLimits(answer);
    this.#location = (await this.#connection.location(answer)) ?? this.#location; // Quay sends none with a status
  }

  #adoptLimits(answer: Answer): void {
    const least = sizeOf(answer.header('oci-chunk-min-length')) ?? this.#minChunkSize;
    const most = sizeOf(answer.header('oci-chunk-max-length')) ?? this.#maxChunkSize;
    if (most !== undefined && most < Math.max(least ?? 0, leastMaximum)) {
      const { name } = this.#connection.options;
      const asked = `${least === undefined ? '' : `at least ${least} and `}at most ${most}`;
      this.#connection.warnOnce(
        `${name} asks for chunks of ${asked} ${most === 1 ? 'byte' : 'bytes'}, which no upload can keep to: ` +
          'its limits are ignored',
      );
      return;
    }
    this.#minChunkSize = least;
    this.#maxChunkSize = most;
  }
}

const sessionCodes: ReadonlySet<string> = new Set(['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID']);

/**
 * BLOB_UPLOAD_INVALID is a replica with another secret (distribution), or a session cut off in the middle (zot, ACR).
 */
function isLost(method: string, { status, diagnostics }: RegistryError): boolean {
  if (status === undefined || status < 400 || status > 499 || status === 416) return false;
  if (diagnostics.some(({ code }) => sessionCodes.has(code))) return true;
  if (status === 404) return !diagnostics.some(({ code }) => code === 'NAME_UNKNOWN');
  // A registry that cannot tell how far a session got has none to resume.
  return method === 'GET' && ![401, 403, 408, 425, 429].includes(status);
}

function misdirected(error: RegistryError, registry: URL, location: URL): RegistryError {
  const message = `${registry.host} sent the upload to ${redactURL(location)}, where nothing answers: ${error.message}`;
  return reworded(error, message, {
    transient: false,
    hasAnswered: true,
    hint:
      `${registry.host} does not know its own external address: its \`http.host\`, or the Host header that ` +
      'its proxy passes on',
  });
}

/** Whether the registry says that it lacks a blob. Who may write need not be allowed to read: that says nothing. */
async function isDenied(question: Promise<BlobStat | undefined>, size: number): Promise<boolean> {
  try {
    const stat = await question;
    return stat === undefined || (stat.size !== undefined && stat.size !== size);
  } catch (error) {
    const status = error instanceof RegistryError ? error.status : undefined;
    if (status === 401 || status === 403 || status === 405) return false;
    throw error;
  }
}

function lost(method: string, location: URL, why: string): RegistryError {
  return new RegistryError(`${method} ${redactURL(location)} failed: ${why}`, {
    code: 'ERR_SESSION_LOST',
    transient: true,
  });
}

function sizeOf(header: string | undefined): number | undefined {
  return header !== undefined && /^[1-9]\d{0,14}$/.test(header) ? Number(header) : undefined;
}
