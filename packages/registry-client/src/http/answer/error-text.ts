import { scrubCut } from '../redirect/redact-url.ts';
import type { Answer } from './answer.ts';

/**
 * What an answer that was not asked for says: at most 64 KiB of it, and what comes within 5 seconds. A body that breaks
 * off, or does not come to its end, has said what has arrived. Bytes that are no characters of its charset do not cost
 * the others. What the request carried is masked, the values of its query too.
 */
export async function readErrorText(answer: Answer): Promise<string> {
  const limits = { limit: 65_536, timeoutMs: 5_000, truncate: true, partial: true };
  const bytes = await answer.bytes(limits).catch(() => new Uint8Array(0)); // the status alone still tells most
  return scrubCut(decoded(bytes, answer.header('content-type')), errorSecretsOf(answer));
}

/** What must not be shown of an answer: what the request carried, and the long values of its query. */
export function errorSecretsOf({ secrets, url }: Answer): readonly string[] {
  return [...secrets, ...secretsOfQuery(url)];
}

/** Values of a query: upload state and signatures. Short ones are no secrets, and would riddle the text. */
function secretsOfQuery(url: URL): readonly string[] {
  return [...url.searchParams]
    .map(([, value]) => value)
    .filter((value) => value.length >= 16 && !/^[a-z0-9]+:/.test(value));
}

/** By the charset that a media type names, UTF-8 where it names none that is known. */
function decoded(bytes: Uint8Array, contentType: string | undefined): string {
  const charset = /;\s*charset\s*=\s*"?([\w.:+-]{1,40})/i.exec(contentType ?? '')?.[1];
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}
