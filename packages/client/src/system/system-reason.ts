import { getSystemErrorMap } from 'node:util';

/**
 * Why the system refused something, by the code of the error: `address already in use`. Runtimes put that in words of
 * their own. The error's message where it has no code of the system.
 */
export function systemReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  for (const [name, words] of getSystemErrorMap().values()) if (name === code) return words;
  return message;
}
