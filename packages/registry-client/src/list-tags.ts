import type { AbortOptions } from '@slipway/digest';
import type { Access } from './auth/authorizer.ts';
import type { Answer } from './http/answer.ts';
import { parseNextLink, resolveLocation } from './http/location.ts';
import type { RegistryConnection } from './registry-connection.ts';

const maxPageSize = 33_554_432;

/** Walks the pages of a tag list. A repository that does not exist has no tags. */
export async function* listTagPages(
  connection: RegistryConnection,
  path: string,
  access: Access,
  { signal }: AbortOptions,
): AsyncGenerator<string, void, void> {
  signal?.throwIfAborted();
  const seen = new Set<string>();
  let target: string | URL | undefined = path;
  while (target !== undefined) {
    const answer: Answer = await connection.send({ method: 'GET', target, access, expect: [200, 404], signal });
    if (answer.status === 404) {
      await answer.discard();
      return;
    }
    const bytes = await answer.bytes({ limit: maxPageSize, timeoutMs: connection.options.timeouts.metadataMs });
    yield* readTags(answer, bytes);
    const link = parseNextLink(answer.headers('link').join(', '));
    target = link === undefined ? undefined : resolveLocation(link, answer.url);
    if (target === undefined) return;
    if (target.origin !== answer.url.origin) throw answer.protocolError('a next page on another host');
    if (seen.has(target.href)) throw answer.protocolError('a next page that was read already');
    seen.add(target.href);
  }
}

function readTags(answer: Answer, bytes: Uint8Array): readonly string[] {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw answer.protocolError('a tag list that is not JSON');
  }
  const tags: unknown =
    typeof document === 'object' && document !== null && 'tags' in document ? document.tags : undefined;
  if (tags === null) return []; // what Go makes of an empty list
  if (!Array.isArray(tags) || !tags.every((tag): tag is string => typeof tag === 'string')) {
    throw answer.protocolError('a tag list without tags');
  }
  return tags;
}
