import type { TrustKey } from '@slipway/manifest/schema1';
import { readTextWithin } from '@slipway/read-file';
import type { ServerConfig } from '../config/server-config.ts';
import { ServerError } from '../errors.ts';

/** A key is a few hundred bytes. */
const maxKeyBytes = 64 * 1024;

/**
 * What signs schema 1 manifests: the file that was named, read at once; or `key.json` of the data folder, made when the
 * first manifest is signed.
 *
 * @throws {ServerError} `ERR_SERVER_CONFIG` when the named file holds no key
 */
export async function openSigningKey({
  trustKey,
  dataDir,
}: Pick<ServerConfig, 'trustKey' | 'dataDir'>): Promise<() => Promise<TrustKey>> {
  if (trustKey === undefined) {
    return async () => {
      const { openTrustKey } = await import('@slipway/image-store/trust-key');
      return await openTrustKey({ folder: dataDir });
    };
  }
  try {
    const { parseTrustKey } = await import('@slipway/manifest/schema1');
    const key = parseTrustKey(await readTextWithin(trustKey, { maxBytes: maxKeyBytes }));
    return async () => key;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ServerError('ERR_SERVER_CONFIG', `--trust-key: ${trustKey}: ${why}`, { cause });
  }
}
