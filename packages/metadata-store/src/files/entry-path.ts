import { join } from 'node:path';
import { ArgumentError } from '@slipway/arguments';

/**
 * Where the file of a key lies. Refuses what would lead out of the namespace; colons and commas stay: Docker's `v1id`
 * has both.
 *
 * @throws {TypeError} when the key is no relative path
 */
export function entryPath(folder: string, namespace: string, key: string): string {
  const isSafe = key.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\0\\]/.test(part));
  if (!isSafe) throw new ArgumentError('key', `Expected \`key\` to be a relative path, got ${JSON.stringify(key)}`);
  return join(folder, namespace, key);
}
