import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type ImageSource, type OpenSourceOptions, openSource, SourceError } from '@slipway/image-source';
import type { Environment } from './environment.ts';

const defaultHost = 'unix:///var/run/docker.sock';
const messageLimit = 64 * 1024;

/**
 * Opens an image of a Docker daemon: what `docker save` would write is spooled, then read as an archive.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when the daemon has no such image, `ERR_SOURCE_UNREADABLE` when there is no daemon
 */
export async function openDaemonSource(
  reference: string,
  { dockerHost = defaultHost }: Pick<Environment, 'dockerHost'>,
  options: OpenSourceOptions,
): Promise<ImageSource> {
  const name = `docker-daemon:${reference}`;
  const answer = await askForArchive(reference, dockerHost, options.signal);
  if (answer.statusCode !== 200) {
    const why = await readMessage(answer);
    if (answer.statusCode === 404) {
      throw new SourceError(
        'ERR_SOURCE_NOT_FOUND',
        `The Docker daemon has no image ${JSON.stringify(reference)}: ${why}`,
        {
          hint: 'see `docker images` for those it has',
        },
      );
    }
    throw new SourceError('ERR_SOURCE_UNREADABLE', `The Docker daemon answered ${answer.statusCode}: ${why}`);
  }
  const { onSpool } = options;
  const source = await openSource('docker-archive:-', {
    ...options,
    stdin: answer,
    onSpool: onSpool && (({ path }) => onSpool({ name, path })),
  });
  return {
    kind: 'docker-daemon',
    name,
    items: source.items,
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

async function askForArchive(
  reference: string,
  host: string,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const path = `/images/get?names=${encodeURIComponent(reference)}`;
  try {
    const asked = request({ ...addressOf(host), path, ...(signal === undefined ? {} : { signal }) });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    return answer;
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof SourceError) throw cause;
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new SourceError('ERR_SOURCE_UNREADABLE', `Cannot reach the Docker daemon at ${host}: ${why}`, {
      cause,
      hint: 'start it, or name another in DOCKER_HOST; without a daemon, push an archive or a layout',
    });
  }
}

/** Where `DOCKER_HOST` leads: a socket, or plain HTTP. */
function addressOf(host: string): { socketPath: string } | { hostname: string; port: string } {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url?.protocol === 'tcp:' || url?.protocol === 'http:')
    return { hostname: url.hostname, port: url.port || '2375' };
  throw new SourceError('ERR_SOURCE_UNSUPPORTED', `Cannot use DOCKER_HOST ${JSON.stringify(host)}`, {
    hint: 'unix:// and tcp:// are known; with any other, use `docker save IMAGE | slipway push - …`',
  });
}

/** The daemon's own words, at most 64 KiB of them. */
async function readMessage(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer) {
    text += chunk;
    if (text.length > messageLimit) break;
  }
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : text;
  } catch {
    return text;
  }
}
