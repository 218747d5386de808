import {
  canonicalName,
  formatReference,
  nameOnly,
  parseReference,
  type Reference,
  withDigest,
} from '@slipway/reference';
import { registryErrorOf } from '@slipway/registry-client';
import type { PushService } from '../../engine/push-service.ts';
import { RequestError } from '../../errors.ts';
import { assertAllowed, type Principal } from '../../security/principal.ts';
import type { JobSource } from '../record/job.ts';
import { registryHint } from './registry-hint.ts';
import type { Auths } from './sealed-credentials.ts';

/** What a job names that shall come from a registry. */
export interface RegistrySource {
  /** As it was named. */
  readonly name: string;
  readonly reference: Reference;
}

export interface ResolveOptions {
  readonly pushes: Pick<PushService, 'resolve'>;
  readonly auths: Auths;
  /** Every tag of the repository is pushed, as they are then. */
  readonly allTags: boolean;
  readonly signal: AbortSignal;
}

/** So long a registry may take to say what a tag names. */
const timeoutMs = 20_000;

/**
 * The source of a job that names a registry; undefined for an image of the store.
 *
 * @throws {RequestError} 403 for a repository that is not the principal's to read
 */
export function registrySourceIn(image: string, principal: Principal): RegistrySource | undefined {
  if (!image.startsWith('docker://')) return undefined;
  const reference = parseReference(image.slice('docker://'.length));
  assertAllowed(principal, { kind: 'source', image, repositories: [canonicalName(reference)] });
  return { name: image, reference };
}

/**
 * Asks the registry what is meant, so that the job is about that, whatever the tag names later.
 *
 * @throws {RequestError} 404 when there is no such image, 502 and 504 when the registry cannot be asked
 */
export async function resolveRegistrySource(
  { name, reference }: RegistrySource,
  { pushes, auths, allTags, signal }: ResolveOptions,
): Promise<Extract<JobSource, { readonly kind: 'registry' }>> {
  if (allTags) {
    assertRepository(name, reference);
    return { kind: 'registry', name, reference: formatReference(reference) };
  }
  const limit = AbortSignal.timeout(timeoutMs);
  const asking = { identity: { auths }, signal: AbortSignal.any([signal, limit]) };
  const found = await pushes.resolve(reference, asking).catch((error: unknown) => {
    signal.throwIfAborted();
    if (limit.aborted)
      throw new RequestError(504, `${reference.registry} does not answer`, {
        ...{ cause: error, reason: 'ERR_REGISTRY_UNREACHABLE', origin: 'source' },
      });
    const answer = registryErrorOf(error);
    if (answer === undefined) throw error;
    const { message, code: reason } = answer;
    const hint = registryHint(answer) ?? answer.hint;
    throw new RequestError(502, `cannot read the source ${name}: ${message}`, {
      ...{ cause: error, reason, origin: 'source', hint },
    });
  });
  if (found === undefined) throw new RequestError(404, `there is no image ${name}`);
  const { digest } = found;
  const pinned = formatReference(withDigest(nameOnly(reference), digest));
  return { kind: 'registry', name, reference: pinned, content: { id: digest, manifest: digest } };
}

/** @throws {RequestError} 400 for the name of one image, where every tag of a repository is wanted */
export function assertRepository(name: string, { tag, digest }: Reference): void {
  if (tag === undefined && digest === undefined) return;
  throw new RequestError(400, `invalid request: ${JSON.stringify(name)} has a tag, and allTags takes repositories`);
}
