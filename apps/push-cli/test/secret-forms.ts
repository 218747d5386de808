import { expect } from 'vitest';

/** Every form in which a secret could show in a text. */
export function formsOf(secret: string): readonly string[] {
  const base64 = (text: string): string => Buffer.from(text).toString('base64').replace(/=+$/, '');
  // Base64 of a secret within a longer text depends on where it begins: three ways, without their uncertain ends.
  const within = [0, 1, 2].map((offset) =>
    base64(`${'x'.repeat(offset)}${secret}`).slice(Math.ceil((offset * 4) / 3), -1),
  );
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), base64(secret), ...within];
}

/** Expects that no form of a secret is in a text, in any letter case. */
export function expectNoSecret(text: string, secrets: readonly string[]): void {
  const low = text.toLowerCase();
  for (const form of secrets.flatMap(formsOf)) {
    expect(low.includes(form.toLowerCase()), `the output has ${JSON.stringify(form)}:\n${text}`).toBe(false);
  }
}
