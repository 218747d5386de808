/**
 * The forms of secrets that a text has: plain, as in a URL, in JSON and in base64, alone or within something longer, in
 * any letter case. Empty where it has none of them.
 */
export function secretFormsIn(text: string, secrets: readonly string[]): readonly string[] {
  const low = text.toLowerCase();
  return [...new Set(secrets.flatMap(formsOf))].filter((form) => low.includes(form.toLowerCase()));
}

function formsOf(secret: string): readonly string[] {
  const base64 = (text: string): string => Buffer.from(text).toString('base64').replace(/=+$/, '');
  // Base64 of a secret within a longer text depends on where it begins: three ways, without their uncertain ends.
  const within = [0, 1, 2].map((offset) =>
    base64(`${'x'.repeat(offset)}${secret}`).slice(Math.ceil((offset * 4) / 3), -1),
  );
  const coded = [base64(secret), ...within];
  const inURL = coded.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'));
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), ...coded, ...inURL];
}
