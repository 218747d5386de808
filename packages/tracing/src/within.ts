import { type Context, context } from '@opentelemetry/api';

type Ended<T> = { readonly value: T } | { readonly error: unknown };

/** Works in a context; once, and to the same end, whatever the context manager does. */
export function within<T>(active: Context, work: () => T): T {
  let ended: Ended<T> | undefined;
  const once = (): Ended<T> => {
    try {
      ended ??= { value: work() };
    } catch (error) {
      ended ??= { error };
    }
    return ended;
  };
  try {
    context.with(active, once);
  } catch {
    // a manager that throws: the work is done all the same
  }
  const end = ended ?? once();
  if ('error' in end) throw end.error;
  return end.value;
}
