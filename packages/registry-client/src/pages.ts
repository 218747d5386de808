import { ArgumentRangeError } from '@slipway/arguments';
import type { Answer } from './http/answer/answer.ts';
import { parseNextLink, resolveLocation } from './http/redirect/location.ts';
import type { ConnectionRequest, RegistryConnection } from './registry-connection.ts';
import type { ListOptions } from './repository.ts';

const maxPageSize = 33_554_432;

/** What is asked for, page after page. */
export type PagesRequest = Omit<ConnectionRequest, 'method' | 'body'> & { readonly target: string };

/**
 * Asks for one page after the other, as long as each names the next. The body of a page is read by whoever gets it.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags
 */
export async function* pagesOf(
  connection: RegistryConnection,
  request: PagesRequest,
): AsyncGenerator<Answer, void, void> {
  request.signal?.throwIfAborted();
  const seen = new Set<string>();
  for (let target: string | URL | undefined = request.target; target !== undefined; ) {
    const answer: Answer = await connection.send({ ...request, method: 'GET', target });
    yield answer;
    target = nextPage(answer);
    if (target === undefined) return;
    if (target.origin !== answer.url.origin) throw answer.protocolError('a next page on another host');
    if (seen.has(target.href)) throw answer.protocolError('a next page that was read already');
    seen.add(target.href);
  }
}

/** Entries of a list of texts, page after page; `member` is the name under which a page has them. */
export async function* listedNames(
  connection: RegistryConnection,
  request: PagesRequest,
  member: 'tags' | 'repositories',
): AsyncGenerator<string, void, void> {
  const { metadataMs } = connection.options.timeouts;
  for await (const answer of pagesOf(connection, request)) {
    const bytes = await answer.bytes({ limit: maxPageSize, timeoutMs: metadataMs });
    yield* readNames(answer, bytes, member);
  }
}

/**
 * The query of the first page.
 *
 * @throws {RangeError} when `pageSize` is no positive integer
 */
export function pageQuery({ pageSize, last }: ListOptions): string {
  if (pageSize !== undefined && !(Number.isInteger(pageSize) && pageSize > 0)) {
    throw new ArgumentRangeError('pageSize', `Expected \`pageSize\` to be a positive integer, got ${pageSize}`);
  }
  const query = new URLSearchParams({
    ...(pageSize !== undefined && { n: `${pageSize}` }),
    ...(last !== undefined && { last }),
  });
  return query.size === 0 ? '' : `?${query}`;
}

function nextPage(answer: Answer): URL | undefined {
  const link = parseNextLink(answer.headers('link').join(', '));
  if (link === undefined) return undefined;
  const target = resolveLocation(link, answer.url);
  // A registry behind a TLS proxy that does not know of it names itself http, as in its Locations.
  if (target.protocol === 'http:' && answer.url.protocol === 'https:' && target.hostname === answer.url.hostname) {
    target.protocol = 'https:';
    target.port = answer.url.port;
  }
  return target;
}

function readNames(answer: Answer, bytes: Uint8Array, member: string): readonly string[] {
  const what = member === 'tags' ? 'a tag list' : 'a list of repositories';
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw answer.protocolError(`${what} that is not JSON`);
  }
  const isObject = typeof document === 'object' && document !== null && Object.hasOwn(document, member);
  const names: unknown = isObject ? (document as Readonly<Record<string, unknown>>)[member] : undefined;
  if (names === null) return []; // what Go makes of an empty list
  if (!Array.isArray(names) || !names.every((name): name is string => typeof name === 'string')) {
    throw answer.protocolError(`${what} without ${member}`);
  }
  return names;
}
