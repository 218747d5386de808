/** Something that is opened when it is first needed. Leaving scope closes it, if it was opened. */
export interface OnceOpened<T> extends AsyncDisposable {
  /** What fails to open is tried again by the next one who asks. */
  get(): Promise<T>;
}

/** @param open called once, unless it fails */
export function onceOpened<T extends AsyncDisposable>(open: () => Promise<T>): OnceOpened<T> {
  let opening: Promise<T> | undefined;
  return {
    get() {
      opening ??= open().catch((error: unknown) => {
        opening = undefined;
        throw error;
      });
      return opening;
    },
    async [Symbol.asyncDispose]() {
      const opened = await opening?.catch(() => undefined);
      await opened?.[Symbol.asyncDispose]();
    },
  };
}
