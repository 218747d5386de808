import { readFileWithin } from '@slipway/read-file';
import type { ServerConfig } from '../config/server-config.ts';
import { ServerError } from '../errors.ts';

/** The largest bundles of authorities have a few hundred kilobytes. */
const maxFileBytes = 4 * 1024 * 1024;

/** Certificate, key and authorities of the TCP listeners, as `node:tls` takes them. */
export interface TlsMaterial {
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
  readonly ca?: Buffer | undefined;
}

/** Reads what the configuration names. @throws {ServerError} `ERR_SERVER_CONFIG` with the setting's name */
export async function readTlsMaterial({
  tlsCert,
  tlsKey,
  tlsCa,
}: Pick<ServerConfig, 'tlsCert' | 'tlsKey' | 'tlsCa'>): Promise<TlsMaterial> {
  const read = async (name: string, file: string | undefined): Promise<Buffer | undefined> => {
    if (file === undefined) return undefined;
    try {
      return Buffer.from(await readFileWithin(file, { maxBytes: maxFileBytes }));
    } catch (error) {
      throw new ServerError('ERR_SERVER_CONFIG', `--${name}: ${(error as Error).message}`, { cause: error });
    }
  };
  // One after the other: of several faults, always the same one is told.
  const cert = await read('tls-cert', tlsCert);
  const key = await read('tls-key', tlsKey);
  return { cert, key, ca: await read('tls-ca', tlsCa) };
}
