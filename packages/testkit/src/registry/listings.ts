import type { RegistryCore } from './core.ts';
import type { Exchange } from './exchange.ts';
import { Refusal } from './refusal.ts';

/** GET of a repository's tags, a page at a time. */
export async function listTags(core: RegistryCore, exchange: Exchange): Promise<void> {
  const name = exchange.route.repository;
  if (!core.repositories.has(name)) throw new Refusal('NAME_UNKNOWN', { detail: { name } });
  await answerPage(exchange, core.repositories.tags(name), (tags) => ({ name, tags }));
}

/** GET of all repositories, a page at a time. Not of OCI, but of every distribution. */
export async function listRepositories(core: RegistryCore, exchange: Exchange): Promise<void> {
  await answerPage(exchange, core.repositories.names, (repositories) => ({ repositories }));
}

async function answerPage(
  exchange: Exchange,
  all: readonly string[],
  body: (page: readonly string[]) => object,
): Promise<void> {
  const n = exchange.parameter('n');
  if (n !== undefined && !/^\d{1,9}$/.test(n)) throw new Refusal('PAGINATION_NUMBER_INVALID');
  const last = exchange.parameter('last');
  const rest = last === undefined ? all : all.filter((name) => name > last);
  const page = n === undefined ? rest : rest.slice(0, Number(n));
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (page.length > 0 && page.length < rest.length) {
    const query = new URLSearchParams({ last: page.at(-1) ?? '', n: n ?? '' });
    headers['Link'] = `<${exchange.url.pathname}?${query}>; rel="next"`;
  }
  await exchange.answer(200, headers, new TextEncoder().encode(JSON.stringify(body(page))));
}
