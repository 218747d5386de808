import type { AbortOptions } from '@slipway/digest';
import type { ConnectOptions, FirstQuestion } from '@slipway/push';
import { type Repository, type StatManifestOptions, wrapRepository } from '@slipway/registry-client';
import { abortable } from '@slipway/transfer';

/** A question that was asked before its turn. */
export interface AskedAhead extends Disposable {
  /**
   * The repository, whose first answer of a manifest is what came, if that is what is asked. Where nothing of use came,
   * and after the first, it is asked itself.
   */
  before(repository: Repository): Repository;
}

interface Answered {
  readonly question: FirstQuestion;
  /** What the repository said; undefined when it has no such manifest. */
  readonly answer: unknown;
}

/**
 * Asks a repository what a push will ask it first, while its registry is being pinged. Leaving scope without
 * {@link AskedAhead.before} ends the question.
 */
export function askAhead(
  repository: Repository,
  first: NonNullable<ConnectOptions['first']>,
  { signal }: AbortOptions,
): AskedAhead {
  const ended = new AbortController();
  let isWanted = false;
  let asked: Promise<Answered | undefined> | undefined = ask(repository, first, {
    signal: signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]),
  }).catch(() => undefined); // it is asked anew, by who can tell what is wrong
  const firstOr = async <T>(
    { method, tagOrDigest }: FirstQuestion,
    { accept, signal: caller }: StatManifestOptions,
    otherwise: () => Promise<T>,
  ): Promise<T> => {
    const mine = asked;
    asked = undefined;
    const answered = accept === undefined && mine !== undefined ? await abortable(mine, caller) : undefined;
    const isSame = answered?.question.method === method && answered.question.tagOrDigest === tagOrDigest;
    return isSame ? (answered.answer as T) : await otherwise();
  };
  return {
    before(plain) {
      isWanted = true;
      return wrapRepository(plain, {
        statManifest: (tagOrDigest, options = {}) =>
          firstOr({ method: 'statManifest', tagOrDigest }, options, () => plain.statManifest(tagOrDigest, options)),
        getManifest: (tagOrDigest, options = {}) =>
          firstOr({ method: 'getManifest', tagOrDigest }, options, () => plain.getManifest(tagOrDigest, options)),
        putManifest: (...put) => {
          asked = undefined; // it is no answer any more
          return plain.putManifest(...put);
        },
      });
    },
    [Symbol.dispose]() {
      if (!isWanted) ended.abort(new Error('the registry cannot be used'));
    },
  };
}

async function ask(
  repository: Repository,
  first: NonNullable<ConnectOptions['first']>,
  options: AbortOptions,
): Promise<Answered | undefined> {
  const question = await first();
  if (question === undefined) return undefined;
  return { question, answer: await repository[question.method](question.tagOrDigest, options) };
}
