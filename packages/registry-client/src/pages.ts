import { ArgumentRangeError } from '@slipway/arguments';
import { RegistryError, reworded } from './errors.ts';
import type { Answer } from './http/answer/answer.ts';
import { parseNextLink, resolveLocation } from './http/redirect/location.ts';
import type { ConnectionRequest, RegistryConnection } from './registry-connection.ts';
import type { ListOptions } from './repository.ts';

const maxPageSize = 33_554_432;
/** Registries give fifty entries a page and more: half a million of them. */
const maxPages = 10_000;
/** A registry that filters its pages may leave some without an entry; one without end has none in any. */
const maxEmptyPages = 100;

/** What registries answer that have no such list. */
export const saysNoList: readonly number[] = [400, 404, 405, 406, 410, 501];

/** What is asked for, page after page; `expect` and what else is said of answers holds for the first page. */
export type PagesRequest = Omit<ConnectionRequest, 'method' | 'body'> & { readonly target: string };

/**
 * Asks for one page after the other, as long as each names the next. Only the first may say that there is no list: one
 * that breaks off later is no shorter list.
 *
 * @param read the entries of a page; undefined when it is none
 * @throws {RegistryError} `ERR_REGISTRY_PROTOCOL` when a later page is none, or not there; when the pages lead to
 * another host, in a circle, or to no end: more than 10,000, or more than 100 in a row without an entry
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags
 */
export async function* pagesOf<Entry>(
  connection: RegistryConnection,
  request: PagesRequest,
  read: PageReader<Entry>,
): AsyncGenerator<readonly Entry[], void, void> {
  request.signal?.throwIfAborted();
  const seen = new Set<string>();
  let empty = 0;
  for (let target: string | URL | undefined = request.target; target !== undefined; ) {
    const { answer, entries }: Page<Entry> =
      seen.size === 0
        ? await readPage(connection, { ...request, target }, read)
        : await readLaterPage(connection, { ...request, target }, read, seen.size + 1);
    if (entries === undefined) return;
    yield entries;
    target = nextPage(answer);
    if (target === undefined) return;
    if (target.origin !== answer.url.origin) throw answer.protocolError('a next page on another host');
    if (seen.has(target.href)) throw answer.protocolError('a next page that was read already');
    seen.add(target.href);
    empty = entries.length === 0 ? empty + 1 : 0;
    if (empty === maxEmptyPages) throw answer.protocolError(`${maxEmptyPages} pages in a row without an entry`);
    if (seen.size === maxPages) throw answer.protocolError(`a list of more than ${maxPages} pages`);
  }
}

interface Page<Entry> {
  readonly answer: Answer;
  readonly entries: readonly Entry[] | undefined;
}

type PageReader<Entry> = (answer: Answer) => Promise<readonly Entry[] | undefined>;

async function readPage<Entry>(
  connection: RegistryConnection,
  request: Omit<ConnectionRequest, 'method'>,
  read: PageReader<Entry>,
): Promise<Page<Entry>> {
  const answer = await connection.send({ ...request, method: 'GET' });
  return { answer, entries: await read(answer) };
}

async function readLaterPage<Entry>(
  connection: RegistryConnection,
  request: Omit<ConnectionRequest, 'method'>,
  read: PageReader<Entry>,
  position: number,
): Promise<Page<Entry>> {
  try {
    const page = await readPage(connection, { ...request, expect: [200] }, read);
    if (page.entries === undefined) throw page.answer.protocolError('what is no list');
    return page;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const message = `${error.message} (page ${position} of a list)`;
    const isMissing = saysNoList.includes(error.status ?? 0);
    throw reworded(error, message, isMissing ? { code: 'ERR_REGISTRY_PROTOCOL', transient: false } : {});
  }
}

/** Entries of a list of texts, page after page; `member` is the name under which a page has them. */
export async function* listedNames(
  connection: RegistryConnection,
  request: PagesRequest,
  member: 'tags' | 'repositories',
): AsyncGenerator<string, void, void> {
  const { metadataMs } = connection.options.timeouts;
  const read = async (answer: Answer) =>
    readNames(answer, await answer.bytes({ limit: maxPageSize, timeoutMs: metadataMs }), member);
  for await (const names of pagesOf(connection, request, read)) yield* names;
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
