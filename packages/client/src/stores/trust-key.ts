import type { TrustKey } from '@slipway/manifest/schema1';

/**
 * The key that signs schema 1 manifests, from a data folder. Where that cannot be used, a new one signs: registries
 * take any, and nobody could check who signed anyway.
 *
 * @throws {TrustKeyError} `ERR_TRUST_KEY_INVALID` when there is a key file that holds no key.
 */
export async function trustKeyIn(folder: string | undefined, warn: (message: string) => void): Promise<TrustKey> {
  if (folder === undefined) return await freshKey();
  const { openTrustKey } = await import('@slipway/image-store/trust-key');
  try {
    return await openTrustKey({ folder });
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    warn(`the key that signs manifests cannot be kept: ${error.message}`);
    return await freshKey();
  }
}

async function freshKey(): Promise<TrustKey> {
  const { createTrustKey } = await import('@slipway/manifest/schema1');
  return createTrustKey();
}
