import type { KeyValueBackend } from './key-value-backend.ts';

/** Reads and deletes a value with nobody in between, on a backend that may have no `take` of its own. */
export async function takeValue(
  backend: KeyValueBackend,
  namespace: string,
  key: string,
): Promise<Uint8Array | undefined> {
  if (backend.take !== undefined) return await backend.take(namespace, key);
  let taken: Uint8Array | undefined;
  await backend.update(namespace, key, (value) => {
    taken = value;
    return undefined;
  });
  return taken;
}
