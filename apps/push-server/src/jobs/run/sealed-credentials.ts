import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { AuthConfig } from '@slipway/docker-credentials';
import { readFileWithin } from '@slipway/read-file';
import { createFileOnce } from '../record/create-file-once.ts';

/** Credentials by registry. */
export type Auths = ReadonlyMap<string, AuthConfig>;

/**
 * Encrypts the credentials of a job for as long as it lives. The key stays in the data folder: a copy of the queue
 * alone tells nothing.
 */
export interface CredentialSeal {
  seal(jobID: string, auths: Auths): string;
  /** @throws {Error} when they were sealed for another job, with another key, or changed */
  open(jobID: string, sealed: string): Auths;
}

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** Reads the key in `folder`, or makes it. Daemons that share the folder share the key. */
export async function openCredentialSeal(folder: string): Promise<CredentialSeal> {
  const file = join(folder, 'credentials.key');
  await createFileOnce(file, randomBytes(keyBytes));
  const key = await readFileWithin(file, { maxBytes: 1_024 });
  if (key.byteLength !== keyBytes) throw new Error(`${file} is damaged: delete it, and submit the jobs again`);
  return {
    seal(jobID, auths) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      cipher.setAAD(Buffer.from(jobID)); // so that nobody moves them to a job of another's
      const text = Buffer.concat([cipher.update(JSON.stringify([...auths])), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
    },
    open(jobID, sealed) {
      const bytes = Buffer.from(sealed, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
      decipher.setAAD(Buffer.from(jobID));
      decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
      const text = Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]);
      return new Map(JSON.parse(text.toString('utf8')) as [string, AuthConfig][]);
    },
  };
}
