import { algorithmOf, type ByteStream, type Digest, digestBytes } from '@slipway/digest';
import { describePage } from '../../answers/diagnostics.ts';
import { RegistryError } from '../../errors.ts';
import { redactURL, scrub } from '../redirect/redact-url.ts';
import type { Answer } from './answer.ts';

/** The part of a site that a registry's answers come from. */
export type RegistryAPI = '/v1/' | '/v2/';

/** Bytes of a body that are enough to tell a web page by. */
export const webPageLimit = 65_536;

/**
 * Whether a success comes from a web site in the registry's place: the page for unknown paths, a sign-in page.
 * Frameworks label a registry's own empty or plain answers as HTML too (Quay's says `true` in one), so the label alone
 * is no proof where there is a body, and a header that only registries of v2 send settles it. Nothing of v1 is a page,
 * whatever headers a proxy adds.
 *
 * @param body what the answer holds; undefined for a HEAD
 */
export function isWebPage(answer: Answer, body: Uint8Array | undefined, api: RegistryAPI = '/v2/'): boolean {
  const isSettled = api === '/v2/' && isRegistryAnswer(answer);
  return answer.status >= 200 && answer.status <= 299 && !isSettled && isPage(answer, body);
}

function isPage(answer: Answer, body: Uint8Array | undefined): boolean {
  const isHTML = answer.mediaType === 'text/html' || answer.mediaType === 'application/xhtml+xml';
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
  api: RegistryAPI = '/v2/',
): RegistryError {
  const page = body && titleOf(body, secrets);
  return new RegistryError(
    `${url.host} answers with web pages: no registry, or its proxy does not pass ${api} on (${method} ` +
      `${redactURL(url)} answered ${status} with ${page ?? 'a web page'})`,
    {
      code: 'ERR_REGISTRY_PROTOCOL',
      status,
      proxy,
      reason: 'web-page',
      hint: "check the registry's name and port; a network may want you to sign in first",
    },
  );
}

function titleOf(body: Uint8Array, secrets: readonly string[]): string | undefined {
  return describePage(scrub(new TextDecoder().decode(body.subarray(0, webPageLimit)), secrets));
}

/**
 * The bytes of a blob, which an answer holds, as they come. A page in its place is told as such: nobody would find it
 * among damaged bytes. Blobs may be pages themselves, and so what looks like a short one is held back until its digest
 * is known.
 *
 * @throws {RegistryError} `ERR_REGISTRY_PROTOCOL` for a page that is not the blob
 */
export function blobOf(answer: Answer, bytes: ByteStream, digest: Digest): ByteStream {
  return (answer.size ?? 0) > webPageLimit ? bytes : withoutPage(answer, bytes, digest);
}

async function* withoutPage(answer: Answer, bytes: ByteStream, digest: Digest): ByteStream {
  let held: Uint8Array[] | undefined;
  let length = 0;
  for await (const chunk of bytes) {
    if (length === 0 && isPage(answer, chunk)) held = [];
    length += chunk.byteLength;
    if (held === undefined) {
      yield chunk;
      continue;
    }
    held.push(chunk);
    if (length <= webPageLimit) continue;
    yield* held;
    held = undefined;
  }
  if (held === undefined) return;
  const body = Buffer.concat(held);
  if (digestBytes(body, algorithmOf(digest)) !== digest) throw pageForBlobError(answer, body);
  yield body;
}

function pageForBlobError({ method, url, status, proxy, secrets }: Answer, body: Uint8Array): RegistryError {
  const page = titleOf(body, secrets) ?? 'a web page';
  return new RegistryError(`${method} ${redactURL(url)} answered ${status} with ${page}, in place of the blob`, {
    code: 'ERR_REGISTRY_PROTOCOL',
    status,
    proxy,
    reason: 'web-page',
    hint: `check what answers at ${url.host}: a proxy before it, or a network that wants you to sign in first`,
  });
}

/**
 * Reads a short answer to its end, so that the connection can be used again, and refuses it if it {@link isWebPage}.
 */
export async function assertNoWebPage(answer: Answer, api: RegistryAPI = '/v2/'): Promise<void> {
  // its head says what counts
  const body = await answer.bytes({ limit: webPageLimit, timeoutMs: 5_000, truncate: true }).catch(() => undefined);
  if (body !== undefined && isWebPage(answer, body, api)) throw webPageError(answer, body, api);
}

function isRegistryAnswer(answer: Answer): boolean {
  return ['docker-distribution-api-version', 'docker-content-digest'].some((name) => answer.header(name) !== undefined);
}
