import type { AbortOptions } from '@slipway/digest';
import type { Repository } from '@slipway/registry-client';
import { type RetryOptions, retrying } from '@slipway/transfer';
import { isBusy } from '../upload/retry-rules.ts';

/** What is asked and changes nothing. */
const questions: ReadonlySet<string | symbol> = new Set(['statBlob', 'statManifest', 'getManifest', 'referrers']);

/**
 * A repository whose questions (HEAD and GET) wait as a busy registry asks, also where only a token was refused. What
 * writes is left alone: whoever sends a blob or a manifest has a schedule of its own.
 */
export function patientRepository(
  repository: Repository,
  retry: Omit<RetryOptions, 'signal' | 'onRetry' | 'isTransient' | 'host'>,
): Repository {
  return new Proxy(repository, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const method = member.bind(target) as (...args: readonly unknown[]) => unknown;
      if (!questions.has(name)) return method;
      return (...args: readonly unknown[]): Promise<unknown> => {
        const { signal } = (args[1] ?? {}) as AbortOptions;
        const { registry: host } = target;
        return retrying(async () => await method(...args), { ...retry, signal, host, isTransient: isBusy });
      };
    },
  });
}
