import { createHash } from 'node:crypto';
import type { RegistryTlsOptions } from '../registry/options.ts';
import { type LegacyAnswer, type LegacyRegistry, type LegacyRequest, startLegacyServer } from './legacy-server.ts';

export interface V1RegistryOptions {
  /** Serves HTTPS, where Docker asks `_ping` first. */
  readonly tls?: RegistryTlsOptions | undefined;
  /** What `_ping` says: a registry that stands alone is shown passwords and gives no tokens. @default true */
  readonly standalone?: boolean | undefined;
  /** Passwords by user name. @default none: everybody may push */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** Further hosts that the index names as endpoints, besides itself. @default none */
  readonly endpoints?: readonly string[] | undefined;
}

/** One image as the registry keeps it. */
export interface V1RegistryImage {
  readonly json: Uint8Array;
  layer?: Uint8Array | undefined;
  /** The `X-Docker-Checksum` it came with: stored, and not checked, as in the real one. */
  tarsum?: string | undefined;
  /** Set until the checksum has come. */
  isInProgress: boolean;
}

export interface V1Registry extends LegacyRegistry {
  readonly images: ReadonlyMap<string, V1RegistryImage>;
  /** v1 ids by `repository:tag`. */
  readonly tags: ReadonlyMap<string, string>;
  /** The last list of images by repository. */
  readonly indexes: ReadonlyMap<string, unknown>;
}

const token = 'signature=abcdef,repository="any",access=write';
const cookie = 'session=balancer-7';

/**
 * Starts a v1 registry with its index, which refuses what the Python server refused.
 *
 * @see https://github.com/docker-archive/docker-registry/blob/f93b432/docker_registry/images.py
 */
export async function startV1Registry(options: V1RegistryOptions = {}): Promise<V1Registry> {
  const images = new Map<string, V1RegistryImage>();
  const tags = new Map<string, string>();
  const indexes = new Map<string, unknown>();
  const state: State = { options, images, tags, indexes };
  const server = await startLegacyServer((request, { host }) => answerTo(state, request, host), options.tls);
  return Object.assign(Object.create(server, Object.getOwnPropertyDescriptors(server)) as LegacyRegistry, {
    images,
    tags,
    indexes,
  });
}

interface State {
  readonly options: V1RegistryOptions;
  readonly images: Map<string, V1RegistryImage>;
  readonly tags: Map<string, string>;
  readonly indexes: Map<string, unknown>;
}

function answerTo(state: State, request: LegacyRequest, host: string): LegacyAnswer {
  const { method, path } = request;
  const { standalone = true } = state.options;
  if (path === '/v1/_ping') {
    return { status: 200, headers: { 'X-Docker-Registry-Standalone': standalone ? 'True' : 'False' }, body: 'true' };
  }
  const isIndex = /^\/v1\/repositories\/.+\/(?:images)?$/.test(path) && method === 'PUT';
  if (!isAllowed(state, request, isIndex)) return { status: 401, body: '"Requires authorization"' };
  const image = /^\/v1\/images\/([^/]+)\/(json|layer|checksum)$/.exec(path);
  if (image) return answerImage(state, request, image[1]!, image[2]!);
  const tag = /^\/v1\/repositories\/(.+)\/tags\/([^/]+)$/.exec(path);
  if (tag) return answerTag(state, request, `${tag[1]}:${tag[2]}`);
  const index = /^\/v1\/repositories\/(.+)\/(images)?$/.exec(path);
  return index && method === 'PUT'
    ? answerIndex(state, request, index[1]!, index[2] === 'images', host)
    : { status: 404 };
}

function answerIndex(
  { options, indexes }: State,
  request: LegacyRequest,
  repository: string,
  isClosing: boolean,
  host: string,
): LegacyAnswer {
  const list = parse(request.body);
  if (list === undefined) return { status: 400, body: '{"error":"Error Decoding JSON"}' };
  if (isClosing) return { status: 204 };
  indexes.set(repository, list);
  const headers = {
    'X-Docker-Endpoints': [host, ...(options.endpoints ?? [])].join(', '),
    'X-Docker-Token': token,
    'WWW-Authenticate': `Token ${token}`,
  };
  return { status: 200, headers, body: '""' };
}

function answerImage(state: State, request: LegacyRequest, id: string, what: string): LegacyAnswer {
  if (!/^[0-9a-f]{64}$/.test(id)) return refused(404, 'Image not found');
  const image = state.images.get(id);
  const { method } = request;
  if (method === 'GET') {
    if (image === undefined) return refused(404, 'Image not found');
    if (image.isInProgress) return refused(400, 'Image is being uploaded, retry later');
    return {
      status: 200,
      body: what === 'layer' ? image.layer : new TextDecoder().decode(image.json),
      headers: image.tarsum === undefined ? {} : { 'X-Docker-Checksum': image.tarsum },
    };
  }
  if (method !== 'PUT') return refused(405, 'Method not allowed');
  if (what === 'json') return putJSON(state, request, id);
  if (image === undefined) return refused(404, 'Image not found');
  if (!image.isInProgress) return refused(409, 'Image already exists');
  if (what === 'layer') {
    image.layer = request.body;
    return { status: 200, body: 'true', headers: { 'Set-Cookie': `${cookie}; Path=/; HttpOnly` } };
  }
  const claimed = request.headers['x-docker-checksum-payload'];
  if (claimed === undefined) return refused(412, 'X-Docker-Checksum-Payload is missing');
  if (request.headers['cookie'] !== cookie) return refused(400, 'Checksum not found in Cookie');
  const hash = createHash('sha256')
    .update(image.json)
    .update('\n')
    .update(image.layer ?? new Uint8Array(0));
  if (claimed !== `sha256:${hash.digest('hex')}`) return refused(400, 'Checksum mismatch, ignoring the layer');
  image.tarsum = request.headers['x-docker-checksum'];
  image.isInProgress = false;
  return { status: 200, body: 'true' };
}

function putJSON({ images }: State, { body }: LegacyRequest, id: string): LegacyAnswer {
  const document = parse(body) as { readonly id?: unknown; readonly parent?: unknown } | undefined | null;
  if (typeof document !== 'object' || document === null) return refused(400, 'Invalid JSON');
  if (document.id === undefined) return refused(400, 'Missing key `id` in JSON');
  if (document.id !== id) return refused(400, 'JSON data contains invalid id');
  const known = images.get(id);
  if (known !== undefined && !known.isInProgress) return refused(409, 'Image already exists');
  if (document.parent !== undefined && !images.has(String(document.parent))) {
    return refused(400, 'Image depends on a non existing parent');
  }
  images.set(id, { json: body, isInProgress: true });
  return { status: 200, body: 'true' };
}

function answerTag({ tags, images }: State, request: LegacyRequest, name: string): LegacyAnswer {
  if (request.method === 'GET') {
    const id = tags.get(name);
    return id === undefined ? refused(404, 'Tag not found') : { status: 200, body: JSON.stringify(id) };
  }
  const id = parse(request.body);
  if (typeof id !== 'string') return refused(400, 'Invalid data');
  if (images.get(id)?.isInProgress !== false) return refused(404, 'Image not found');
  tags.set(name, id);
  return { status: 200, body: 'true' };
}

function isAllowed({ options }: State, { headers, method }: LegacyRequest, isIndex: boolean): boolean {
  const { users, standalone = true } = options;
  if (users === undefined || method === 'GET') return true;
  const [scheme, value = ''] = (headers['authorization'] ?? '').split(/ (.*)/s);
  if (scheme === 'Token') return !standalone && !isIndex && value === token;
  const [user = '', password] = Buffer.from(value, 'base64').toString().split(/:(.*)/s);
  return scheme === 'Basic' && (standalone || isIndex) && password !== undefined && users[user] === password;
}

function refused(status: number, error: string): LegacyAnswer {
  return { status, body: JSON.stringify({ error }) };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
