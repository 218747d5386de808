import { withMethods } from '@slipway/arguments';

const aPromise = withMethods('a promise', 'then');

/** How long something that was handed in may take to end by itself once its signal aborts. */
const patienceMs = 1_000;

/**
 * Waits for something that was handed in and may not look at its signal. An abort leaves it a moment to end by itself,
 * as what begins in a push ends in it; then it is waited for no more.
 *
 * @param late is given what comes all the same, to let it go
 * @throws the reason of `signal`
 */
export async function answered<T>(
  work: PromiseLike<T> | T,
  signal: AbortSignal | undefined,
  late?: (value: T) => unknown,
): Promise<T> {
  if (signal === undefined) return await work;
  const answer = Promise.resolve(work);
  let timer: NodeJS.Timeout | undefined;
  let begin = (): void => {};
  let isLeft = false;
  const left = new Promise<never>((_, reject) => {
    begin = () => {
      timer = setTimeout(() => {
        isLeft = true;
        reject(signal.reason);
      }, patienceMs);
    };
  });
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  answer.then((value) => (isLeft ? late?.(value) : undefined)).catch(() => {});
  try {
    return await Promise.race([answer, left]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', begin);
  }
}

/** What to do with answers that come when nobody waits for them any more, by method. */
type LateAnswers<Port> = {
  readonly [Name in keyof Port]?: Port[Name] extends (...args: never[]) => infer Answer
    ? (value: Awaited<Answer>) => unknown
    : never;
};

/** Something that was handed in, each of whose methods that is given a signal is waited for as in {@link answered}. */
export function answering<Port extends object>(port: Port, late: LateAnswers<Port> = {}): Port {
  return new Proxy({} as Port, {
    has: (_, name) => name in port,
    get(_, name) {
      const value: unknown = Reflect.get(port, name, port);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const answer: unknown = value.apply(port, args);
        const { signal } = (args.at(-1) ?? {}) as { readonly signal?: AbortSignal | undefined };
        if (signal === undefined || !aPromise.is(answer)) return answer;
        return answered(
          answer as PromiseLike<unknown>,
          signal,
          (late as Record<PropertyKey, (value: unknown) => unknown>)[name],
        );
      };
    },
  });
}
