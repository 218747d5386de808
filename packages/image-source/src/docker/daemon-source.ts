import { assertSignal } from '@slipway/arguments';
import type { ByteStream } from '@slipway/digest';
import { familiarString, parseAnyReference, withDefaultTag } from '@slipway/reference';
import { Agent, type Dispatcher, request } from 'undici/index.js';
import { invalidSource, SourceError } from '../errors.ts';
import type { ImageSource, OpenSourceOptions } from '../image-source.ts';
import { openSpooledArchive } from '../open-source.ts';
import { type DaemonTls, defaultDaemonHost } from './daemon-endpoint.ts';

/** Which daemon is asked, and for which image. */
export interface DaemonSourceOptions extends Omit<OpenSourceOptions, 'stdin'> {
  /** Where the daemon listens; `unix:`, `npipe:`, `tcp:`, `http:` or `https:`. @default {@link defaultDaemonHost} */
  readonly host?: string | undefined;
  /** @default none */
  readonly tls?: DaemonTls | undefined;
  /** Every tag of the repository that a name without a tag names, as `docker save NAME` has it. @default `latest` */
  readonly allTags?: boolean | undefined;
}

/** Docker gathers the whole archive before the first byte of its answer, which for a large image takes minutes. */
const answerTimeoutMs = 15 * 60_000;
/** A daemon that has begun to send and then sends nothing for so long has broken off. */
const idleTimeoutMs = 5 * 60_000;
const connectTimeoutMs = 10_000;
const maxMessageBytes = 64 * 1024;

/**
 * Opens an image of a Docker daemon: what `docker save` would write is spooled to disk once, told through `onSpool`,
 * and read there as an archive. `reference` is a name, with `latest` as the default tag unless all tags are wanted, a
 * name with a digest, or an image ID.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when the daemon has no such image; `ERR_SOURCE_UNREADABLE` when it
 * cannot be reached, refuses or breaks off; `ERR_SOURCE_UNSUPPORTED` for a way to it that is not known here, such as
 * `ssh:`; `ERR_SOURCE_INVALID` and `ERR_SOURCE_SPOOL` as for any archive.
 * @throws {InvalidReferenceError} `ERR_REFERENCE_INVALID`
 * @see https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Image/operation/ImageGet
 */
export async function openDaemonSource(reference: string, options: DaemonSourceOptions = {}): Promise<ImageSource> {
  const { host = defaultDaemonHost, tls, signal, allTags = false } = options;
  assertSignal(signal);
  signal?.throwIfAborted();
  const names = daemonNames(reference, allTags);
  const { origin, socketPath } = addressOf(host, tls);
  const agent = new Agent({
    headersTimeout: answerTimeoutMs,
    bodyTimeout: idleTimeoutMs,
    connect: { timeout: connectTimeoutMs, ...(socketPath ? { socketPath } : {}), ...connectTls(tls) },
  });
  const daemon: Daemon = { origin, host, agent, signal };
  try {
    const { name, body } = await askForArchive(daemon, names);
    const archive = { transport: 'docker-archive', path: '-' } as const;
    const source = await openSpooledArchive(unbroken(body, daemon), archive, `docker-daemon:${name}`, options);
    return {
      kind: 'docker-daemon',
      name,
      items: source.items,
      [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
    };
  } finally {
    await agent.destroy(); // the archive lies on the disk by now, or nobody wants the rest
  }
}

interface Daemon {
  readonly origin: string;
  readonly host: string;
  readonly agent: Dispatcher;
  readonly signal: AbortSignal | undefined;
}

type Body = Dispatcher.ResponseData['body'];

interface NamedBody {
  /** The name that the daemon knows. */
  readonly name: string;
  readonly body: Body;
}

/** What to ask for, in order. A name without a tag means `latest`, unless all tags are wanted. */
function daemonNames(text: string, allTags: boolean): readonly [string, ...string[]] {
  const parsed = parseAnyReference(text);
  if (!('registry' in parsed)) return [parsed.digest];
  const named = familiarString(allTags ? parsed : withDefaultTag(parsed));
  // The beginning of an image ID looks like a name.
  return named !== text && /^[0-9a-f]{4,63}$/.test(text) ? [named, text] : [named];
}

async function askForArchive(daemon: Daemon, names: readonly string[]): Promise<NamedBody> {
  let refusal: SourceError | undefined;
  for (const name of names) {
    const answer = await ask(daemon, `/images/${name.split('/').map(encodeName).join('/')}/get`);
    if (answer.statusCode === 200) return { name, body: answer.body };
    const message = await readMessage(answer.body);
    if (!isUnknownImage(answer.statusCode, message)) {
      throw new SourceError(
        'ERR_SOURCE_UNREADABLE',
        `The Docker daemon at ${daemon.host} answered ${answer.statusCode} for ${JSON.stringify(name)}: ${message}`,
      );
    }
    refusal ??= new SourceError(
      'ERR_SOURCE_NOT_FOUND',
      `The Docker daemon at ${daemon.host} has no image ${JSON.stringify(name)}: ${message}`,
      { hint: 'See `docker images` for what it has; an image of a registry is written docker://REF' },
    );
  }
  throw refusal ?? new Error('unreachable: there is at least one name');
}

/** Colons and at signs stay: daemons of all ages take them as they are. */
function encodeName(part: string): string {
  return encodeURIComponent(part).replaceAll('%3A', ':').replaceAll('%40', '@');
}

async function ask({ origin, host, agent, signal }: Daemon, path: string): Promise<Dispatcher.ResponseData> {
  try {
    return await request(`${origin}${path}`, { dispatcher: agent, signal: signal ?? null });
  } catch (cause) {
    signal?.throwIfAborted();
    const code = codeOf(cause);
    const hint =
      code === 'EACCES' || code === 'EPERM'
        ? 'Your user may not talk to it: join its group (docker), or run this as its owner'
        : 'Start it, or name another in DOCKER_HOST or DOCKER_CONTEXT; without a daemon, push an archive or a layout';
    const why = code ?? (cause instanceof Error ? cause.message : String(cause));
    throw new SourceError('ERR_SOURCE_UNREADABLE', `Cannot reach the Docker daemon at ${host}: ${why}`, {
      cause,
      hint,
    });
  }
}

/** Older daemons answer 500 where newer ones answer 404. */
function isUnknownImage(status: number, message: string): boolean {
  return status === 404 || (status === 500 && /no such image|does not exist|not found/i.test(message));
}

/** The daemon's own words, at most 64 KiB of them. */
async function readMessage(body: Body): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > maxMessageBytes) break;
  }
  const text = Buffer.concat(chunks).subarray(0, maxMessageBytes).toString('utf8').trim();
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return typeof message === 'string' ? message : text;
  } catch {
    return text;
  }
}

/** The archive's bytes; what goes wrong on the way is the daemon's, not the archive's. */
async function* unbroken(body: Body, { host, signal }: Daemon): ByteStream {
  try {
    yield* body as AsyncIterable<Uint8Array>;
  } catch (cause) {
    signal?.throwIfAborted();
    const why = codeOf(cause) ?? (cause instanceof Error ? cause.message : String(cause));
    throw new SourceError('ERR_SOURCE_UNREADABLE', `The Docker daemon at ${host} broke off: ${why}`, {
      cause,
      hint: 'Look into its log, and try again',
    });
  }
}

function addressOf(
  host: string,
  tls: DaemonTls | undefined,
): { readonly origin: string; readonly socketPath?: string } {
  if (host.startsWith('unix://')) return { origin: 'http://docker', socketPath: socketOf(host, 'unix://') };
  if (host.startsWith('npipe://')) return { origin: 'http://docker', socketPath: socketOf(host, 'npipe://') };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  const isSecure = tls !== undefined || url?.protocol === 'https:';
  if (url?.protocol === 'tcp:' || url?.protocol === 'http:' || url?.protocol === 'https:') {
    if (url.hostname === '') throw invalidSource(`The Docker daemon's address ${JSON.stringify(host)} has no host`);
    const port = url.port || (url.protocol === 'tcp:' ? (isSecure ? '2376' : '2375') : '');
    return { origin: `${isSecure ? 'https' : 'http'}://${url.hostname}${port && `:${port}`}` };
  }
  throw new SourceError('ERR_SOURCE_UNSUPPORTED', `Cannot talk to a Docker daemon at ${JSON.stringify(host)}`, {
    hint: 'unix://, tcp://, http:// and https:// are known; with any other, pipe the image in: docker save IMAGE | … -',
  });
}

function socketOf(host: string, scheme: string): string {
  const path = host.slice(scheme.length);
  if (path !== '') return path;
  throw invalidSource(`The Docker daemon's address ${JSON.stringify(host)} has no path`);
}

function connectTls(tls: DaemonTls | undefined): object {
  if (!tls) return {};
  const { ca, cert, key, verify = true } = tls;
  const given = Object.entries({ ca, cert, key }).filter(([, pem]) => pem !== undefined);
  return { ...Object.fromEntries(given), rejectUnauthorized: verify };
}

/** The operating system's or the TLS library's code, also where undici wrapped it. */
function codeOf(error: unknown): string | undefined {
  for (let link = error; link instanceof Error; link = link.cause ?? (link as AggregateError).errors?.[0]) {
    const { code } = link as NodeJS.ErrnoException;
    if (typeof code === 'string') return code;
  }
  return undefined;
}
