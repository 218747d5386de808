import type { RegistryCore } from '../core.ts';
import type { Exchange } from '../exchange.ts';
import { locate } from './locations.ts';
import { Refusal } from './refusal.ts';

/** GET of a repository's tags, a page at a time. */
export async function listTags(core: RegistryCore, exchange: Exchange): Promise<void> {
  const name = exchange.route.repository;
  if (!core.repositories.has(name)) throw new Refusal('NAME_UNKNOWN', { detail: { name } });
  await answerPage(core, exchange, core.repositories.tags(name), (tags) => ({ name, tags }));
}

/** GET of all repositories, a page at a time. Not of OCI, but of every distribution. */
export async function listRepositories(core: RegistryCore, exchange: Exchange): Promise<void> {
  if (!core.options.quirks.catalog) throw new Refusal('UNSUPPORTED', { status: 404 });
  await answerPage(core, exchange, core.repositories.names, (repositories) => ({ repositories }));
}

async function answerPage(
  { options: { quirks } }: RegistryCore,
  exchange: Exchange,
  all: readonly string[],
  body: (page: readonly string[]) => object,
): Promise<void> {
  const n = exchange.parameter('n');
  if (n !== undefined && !/^\d{1,9}$/.test(n)) throw new Refusal('PAGINATION_NUMBER_INVALID');
  const last = exchange.parameter('last');
  const rest = last === undefined ? all : all.filter((name) => name > last);
  const size = Math.min(Number(n ?? Number.POSITIVE_INFINITY), quirks.pageMax);
  const page = rest.slice(0, size);
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (page.length > 0 && page.length < rest.length) {
    const query = new URLSearchParams({ last: page.at(-1) ?? '', n: n ?? `${size}` });
    const location = locate(exchange, { location: quirks.pageLink }, `${exchange.url.pathname}?${query}`);
    headers['Link'] = `<${location}>; rel="next"`;
  }
  await exchange.answer(200, headers, new TextEncoder().encode(JSON.stringify(body(page))));
}
