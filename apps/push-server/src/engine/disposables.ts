/** What was opened so far. Leaving scope closes it, the last first; each is closed although another one fails. */
export interface Disposables extends AsyncDisposable {
  /** Adds something to close, and hands it back. */
  use<T extends AsyncDisposable | Disposable>(resource: T): T;
}

/** @throws the first error of those that closing had, once everything was closed */
export function createDisposables(): Disposables {
  const opened: (AsyncDisposable | Disposable)[] = [];
  return {
    use(resource) {
      opened.push(resource);
      return resource;
    },
    async [Symbol.asyncDispose]() {
      const errors: unknown[] = [];
      for (const resource of opened.splice(0).reverse()) {
        try {
          if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
          else resource[Symbol.dispose]();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors[0];
    },
  };
}
