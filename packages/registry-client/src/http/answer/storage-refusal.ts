import { describeStorageError } from '../../answers/diagnostics.ts';
import type { Answer } from './answer.ts';

/** What to tell where a registry's storage refused, and not the registry. */
export interface StorageRefusal {
  /** For the end of a message: who it was. */
  readonly who: string;
  readonly hint: string;
  /** The registry leads there by another signature the next time. */
  readonly isPassing: boolean;
}

/**
 * Whether a refusal (4xx) is the word of what a registry keeps its content in: it came from another host that the
 * registry led to, or the registry passes on what its storage said. No account of the registry's has a part in it.
 *
 * @param body what the answer says
 * @param storageOf the registry that led to whoever answered; undefined where it has answered itself
 */
export function storageRefusal(
  { status, url }: Answer,
  body: string,
  storageOf: string | undefined,
): StorageRefusal | undefined {
  if (status < 400 || status > 499 || isLater(status)) return undefined;
  if (storageOf === undefined && describeStorageError(body) === undefined) return undefined;
  const what =
    status === 404 || status === 410 ? 'lacks it' : "refused this, and the account's rights have no part in it";
  const where =
    storageOf === undefined ? `the storage behind ${url.host}` : `${url.host}, the storage of ${storageOf},`;
  return {
    who: storageOf === undefined ? '' : ` (the storage that ${storageOf} leads to)`,
    hint: `${where} ${what}: run the command again; the registry's owner has to look if that does not help`,
    isPassing: status !== 404 && storageOf !== undefined && isExpired(body),
  };
}

/** Statuses that say "not now", whoever says so. */
function isLater(status: number): boolean {
  return status === 408 || status === 425 || status === 429;
}

/** The words of S3, Google and Azure for a signature that was for an earlier moment. */
function isExpired(body: string): boolean {
  return /expired|specified time frame/i.test(body.slice(0, 4_096));
}
