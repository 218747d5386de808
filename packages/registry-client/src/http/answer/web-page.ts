import { describePage } from '../../answers/diagnostics.ts';
import { RegistryError } from '../../errors.ts';
import { redactURL, scrub } from '../redirect/redact-url.ts';
import type { Answer } from './answer.ts';

/** Bytes of a body that are enough to tell a web page by. */
export const webPageLimit = 65_536;

/**
 * Whether a success comes from a web site in the registry's place: the page for unknown paths, a sign-in page.
 * Frameworks label a registry's own empty or plain answers as HTML too (Quay's says `true` in one), so the label alone
 * is no proof where there is a body, and a header that only registries send settles it.
 *
 * @param body what the answer holds; undefined for a HEAD
 */
export function isWebPage(answer: Answer, body: Uint8Array | undefined): boolean {
  if (answer.status < 200 || answer.status > 299 || isRegistryAnswer(answer)) return false;
  const type = (answer.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase();
  const isHTML = type === 'text/html' || type === 'application/xhtml+xml';
  if (body === undefined) return isHTML;
  const start = new TextDecoder().decode(body.subarray(0, 1_024)).trimStart();
  return isHTML
    ? start.startsWith('<')
    : /^(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b/is.test(start);
}

/**
 * The error for an answer that {@link isWebPage}.
 *
 * @param body what it holds, for its title; undefined for a HEAD
 */
export function webPageError(
  { method, url, status, proxy, secrets }: Answer,
  body: Uint8Array | undefined,
): RegistryError {
  const page = body && describePage(scrub(new TextDecoder().decode(body.subarray(0, webPageLimit)), secrets));
  return new RegistryError(
    `${url.host} answers with web pages: no registry, or its proxy does not pass /v2/ on (${method} ` +
      `${redactURL(url)} answered ${status} with ${page ?? 'a web page'})`,
    {
      code: 'ERR_REGISTRY_PROTOCOL',
      status,
      proxy,
      hint: "check the registry's name and port; a network may want you to sign in first",
    },
  );
}

/**
 * Reads a short answer to its end, so that the connection can be used again, and refuses it if it {@link isWebPage}.
 */
export async function assertNoWebPage(answer: Answer): Promise<void> {
  // its head says what counts
  const body = await answer.bytes({ limit: webPageLimit, timeoutMs: 5_000, truncate: true }).catch(() => undefined);
  if (body !== undefined && isWebPage(answer, body)) throw webPageError(answer, body);
}

function isRegistryAnswer(answer: Answer): boolean {
  return ['docker-distribution-api-version', 'docker-content-digest'].some((name) => answer.header(name) !== undefined);
}
