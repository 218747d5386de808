import type { KeyValueBackend } from '@slipway/metadata-store';
import type { FolderHealth } from '../../engine/folder/folder-health.ts';

/** Two ways to the same bytes in the data folder. */
export interface FolderBackends {
  /** For those who wait for an answer. @throws {FolderHangs} */
  readonly hurried: KeyValueBackend;
  /** For work that may wait. It begins when everything has ended that `hurried` has given up. */
  readonly patient: KeyValueBackend;
}

/** A change that was given up still happens, once the folder answers: whoever takes it back has to come after it. */
export function folderBackends(backend: KeyValueBackend, folder: FolderHealth): FolderBackends {
  const givenUp = new Set<Promise<unknown>>();
  const hurriedly = <T>(work: () => Promise<T>): Promise<T> =>
    folder.ask(work, (working) => {
      const ended: Promise<unknown> = working.catch(() => {}).finally(() => givenUp.delete(ended));
      givenUp.add(ended);
    });
  const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
    await Promise.all(givenUp);
    return await work();
  };
  return {
    hurried: { ...by(backend, hurriedly), [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() },
    patient: { ...by(backend, patiently), async [Symbol.asyncDispose]() {} },
  };
}

function by(
  backend: KeyValueBackend,
  how: <T>(work: () => Promise<T>) => Promise<T>,
): Omit<KeyValueBackend, typeof Symbol.asyncDispose> {
  return {
    get: (namespace, key) => how(() => backend.get(namespace, key)),
    set: (namespace, key, value) => how(() => backend.set(namespace, key, value)),
    delete: (namespace, key) => how(() => backend.delete(namespace, key)),
    update: (namespace, key, change) => how(() => backend.update(namespace, key, change)),
    list: (namespace) => how(async () => (await backend.list?.(namespace)) ?? []),
  };
}
