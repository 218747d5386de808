import type { TrustKey } from '@slipway/manifest/schema1';
import type { Environment } from './environment.ts';
import type { ResolvedPushOptions } from './push-options.ts';

/**
 * The key that signs schema 1 manifests, from the data folder. Where that cannot be used, a new one signs: registries take any,
 * and nobody could check who signed anyway.
 *
 * @throws {TrustKeyError} `ERR_TRUST_KEY_INVALID` when there is a key file that holds no key.
 */
export async function trustKeyOf(
  { dataDir }: Pick<ResolvedPushOptions, 'dataDir'>,
  { dataFolder }: Pick<Environment, 'dataFolder'>,
  warn: (message: string) => void,
): Promise<TrustKey> {
  const { openTrustKey } = await import('@slipway/image-store/trust-key');
  const folder = dataDir ?? dataFolder;
  if (folder === undefined) return await freshKey();
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
