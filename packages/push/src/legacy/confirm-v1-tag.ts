import type { AbortOptions } from '@slipway/digest';
import type { V1Session } from '@slipway/registry-client/v1';
import type { Clock } from '@slipway/transfer';
import { PushError, pushFailure } from '../errors.ts';
import { destinationErrorOf } from '../upload/retry-rules.ts';

/** A tag that a v1 registry took. */
export interface V1TagSent {
  readonly endpoint: URL;
  readonly repository: string;
  readonly tag: string;
  /** The image that it has to name. */
  readonly id: string;
  /** Familiar name, as messages say it. */
  readonly destination: string;
}

/** Storages of that time showed a new object a moment late. */
const looksAgainAfterMs = 1_000;

/** From a registry that does not show tags, or not to this account or token. */
const refusals: ReadonlySet<number | undefined> = new Set([401, 403, 405, 501]);

/**
 * Makes sure that a tag is there, by the question that Docker pulled with. Where the registry refuses to show it, its
 * answer to the PUT is all there is.
 *
 * @throws {PushError} `ERR_PUSH_NOT_SEEN` when the registry has no such tag, or shows another image;
 * `ERR_PUSH_FAILED` when it fails, or answers with something else
 * @see https://github.com/moby/moby/blob/v1.12.6/registry/session.go#L310-L346
 */
export async function confirmV1Tag(
  session: V1Session,
  sent: V1TagSent,
  { signal, clock }: AbortOptions & { readonly clock: Clock },
): Promise<void> {
  const { endpoint, repository, tag, id } = sent;
  const look = (): Promise<Look> =>
    session.getTag(endpoint, repository, tag, { signal }).then(
      (shown) => ({ shown }),
      (error: unknown) => {
        signal?.throwIfAborted();
        return { error };
      },
    );
  const isSettled = (seen: Look): boolean =>
    'error' in seen ? refusals.has(destinationErrorOf(seen.error)?.status) : seen.shown === id;
  if (isSettled(await look())) return;
  await clock.sleep(looksAgainAfterMs, { signal });
  const seen = await look();
  if (!isSettled(seen)) throw notSeen(session.registry, sent, seen);
}

type Look = { readonly shown: string | undefined } | { readonly error: unknown };

function notSeen(registry: string, { tag, id, destination }: V1TagSent, seen: Look): PushError {
  const details = { op: 'confirm', origin: 'destination' } as const;
  if ('error' in seen) return pushFailure(`tag ${tag} at ${destination}`, { ...details, cause: seen.error });
  const { shown } = seen;
  const told = shown === undefined ? 'does not have it' : `shows image ${shown} where ${id} was sent`;
  return new PushError(
    'ERR_PUSH_NOT_SEEN',
    `Could not confirm ${destination}: ${registry} took tag ${tag}, and ${told}`,
    {
      ...details,
      hint:
        shown === undefined
          ? 'something else may answer in its place: check the address and the proxies on the way'
          : 'another push may have changed the tag: look at it again, or push again',
    },
  );
}
