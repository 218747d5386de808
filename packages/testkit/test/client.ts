import { randomBytes } from 'node:crypto';
import { type Digest, digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { type Answer, exchange, type RequestOptions } from '../src/http-request.ts';
import type { EmbeddedRegistry } from '../src/index.ts';

export interface TestClient {
  send(path: string, options?: RequestOptions): Promise<Answer>;
  /** Begins a session and returns its Location. */
  begin(repository?: string, query?: string): Promise<string>;
  patch(location: string, body: Uint8Array, headers?: Record<string, string>): Promise<Answer>;
  put(location: string, digest: string, body?: Uint8Array): Promise<Answer>;
}

/** Requests to an embedded registry, by path or Location. */
export function clientOf(registry: Pick<EmbeddedRegistry, 'url'>, defaults: RequestOptions = {}): TestClient {
  const send = (path: string, options: RequestOptions = {}): Promise<Answer> =>
    exchange(new URL(path, registry.url), {
      ...defaults,
      ...options,
      headers: { ...defaults.headers, ...options.headers },
    });
  const begin = async (repository = 'app', query = ''): Promise<string> =>
    (await send(`/v2/${repository}/blobs/uploads/${query}`, { method: 'POST' })).header('location') ?? '';
  const patch = (location: string, body: Uint8Array, headers?: Record<string, string>): Promise<Answer> =>
    send(location, { method: 'PATCH', body, headers });
  const put = (location: string, digest: string, body?: Uint8Array): Promise<Answer> =>
    send(`${location}${location.includes('?') ? '&' : '?'}digest=${digest}`, { method: 'PUT', body });
  return { send, begin, patch, put };
}

/** Bytes that no other test has, and their digest. */
export function someBlob(size = 1000): { readonly bytes: Uint8Array; readonly digest: Digest } {
  const bytes = new Uint8Array(randomBytes(size));
  return { bytes, digest: digestBytes(bytes) };
}

/** Puts an image of one small layer into the registry and returns its manifest's bytes. */
export async function seedImage(registry: EmbeddedRegistry, repository = 'app', tag = 'v1'): Promise<Uint8Array> {
  const { blobs } = await registry.seed(repository, { blobs: [someBlob().bytes, someBlob().bytes] });
  const [config, layer] = blobs;
  const bytes = encode({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { ...config, mediaType: mediaTypes.ociConfig },
    layers: [{ ...layer, mediaType: mediaTypes.ociLayer }],
  });
  await registry.seed(repository, { manifests: [{ bytes, mediaType: mediaTypes.ociManifest, tags: [tag] }] });
  return bytes;
}

export function encode(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export function textOf({ body }: Answer): string {
  return new TextDecoder().decode(body);
}

export function codeOf(answer: Answer): string | undefined {
  return (JSON.parse(textOf(answer)) as { errors: { code: string }[] }).errors[0]?.code;
}
