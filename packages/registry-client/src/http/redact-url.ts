/** A URL fit for messages and records: no user, no query (`_state`, signed storage URLs), no fragment. */
export function redactURL(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Replaces every occurrence of the given secrets, in any letter case and in base64 too, in case a registry echoes what it was sent. */
export function scrub(text: string, secrets: readonly string[]): string {
  // Shorter ones are no secrets, and would riddle the text.
  return secrets
    .filter((secret) => secret.length >= 4)
    .flatMap(formsOf)
    .reduce((kept, form) => kept.replace(new RegExp(escapeRegExp(form), 'gi'), '<redacted>'), text);
}

function formsOf(secret: string): readonly string[] {
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), base64];
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
