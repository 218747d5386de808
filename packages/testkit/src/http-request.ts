import { type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { Readable } from 'node:stream';
import type { ByteStream } from '@slipway/digest';

export interface RequestOptions {
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Bytes go out with their length, a stream in chunks.
   * @default none, with `Content-Length: 0` where the method wants one
   */
  readonly body?: Uint8Array | ByteStream | undefined;
  /** PEM of the authority that vouches for the server. */
  readonly ca?: string | undefined;
  /** Bytes of headers taken at most. @default Node's 16 KiB */
  readonly maxHeaderSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An answer that was read to its end. */
export interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
  header(name: string): string | undefined;
}

/** Sends one request on a connection of its own, without redirects or retries, and resolves with the answer's head. */
export async function openAnswer(url: string | URL, options: RequestOptions = {}): Promise<IncomingMessage> {
  const { method = 'GET', headers = {}, body, ca, maxHeaderSize, signal } = options;
  const send = new URL(url).protocol === 'https:' ? secureRequest : request;
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const length: Record<string, string> =
      body instanceof Uint8Array || (body === undefined && method !== 'GET' && method !== 'HEAD')
        ? { 'content-length': String(body?.byteLength ?? 0) }
        : {};
    const all = { ...length, ...headers };
    const settings = { ...(ca && { ca }), ...(maxHeaderSize && { maxHeaderSize }), ...(signal && { signal }) };
    const outgoing = send(url, { method, headers: all, agent: false, ...settings }, resolve);
    outgoing.once('error', reject);
    if (body === undefined || body instanceof Uint8Array) {
      outgoing.end(body);
      return;
    }
    const source = Readable.from(body, { objectMode: false });
    source.once('error', (error) => outgoing.destroy(error));
    source.pipe(outgoing); // its end and errors are handled above; pipeline() would hide an early answer behind EPIPE
  });
}

/** Sends one request and reads the answer, of modest size, to its end. */
export async function exchange(url: string | URL, options: RequestOptions = {}): Promise<Answer> {
  const response = await openAnswer(url, options);
  const chunks: Uint8Array[] = [];
  for await (const chunk of response as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return {
    status: response.statusCode ?? 0,
    body: new Uint8Array(Buffer.concat(chunks)),
    header: (name) => [response.headers[name.toLowerCase()]].flat()[0],
  };
}
