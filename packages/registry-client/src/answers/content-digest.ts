import { algorithmOf, type Digest, isDigest } from '@slipway/digest';
import { RegistryError } from '../errors.ts';
import type { Answer } from '../http/answer/answer.ts';
import { redactURL } from '../http/redirect/redact-url.ts';

/** The `Docker-Content-Digest` of an answer, if it has a valid one. */
export function contentDigest(answer: Answer): Digest | undefined {
  const header = answer.header('docker-content-digest');
  return header !== undefined && isDigest(header) ? header : undefined;
}

/**
 * Compares what the registry says it stored with what was sent. The header is optional, and one of another algorithm
 * proves nothing.
 *
 * @throws {RegistryError} `ERR_REGISTRY_PROTOCOL`
 */
export function assertSameDigest(answer: Answer, digest: Digest): void {
  const stored = contentDigest(answer);
  if (stored === undefined || stored === digest || algorithmOf(stored) !== algorithmOf(digest)) return;
  throw new RegistryError(
    `${answer.method} ${redactURL(answer.url)} answered with another digest: expected ${digest}, got ${stored}`,
    { code: 'ERR_REGISTRY_PROTOCOL', status: answer.status, proxy: answer.proxy },
  );
}
