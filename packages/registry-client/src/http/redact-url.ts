/** A URL fit for messages and records: no user, no query (`_state`, signed storage URLs), no fragment. */
export function redactURL(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Replaces every occurrence of the given secrets, in case a registry echoes what it was sent. */
export function scrub(text: string, secrets: readonly string[]): string {
  // Shorter ones are no secrets, and would riddle the text.
  return secrets
    .filter((secret) => secret.length >= 4)
    .reduce((kept, secret) => kept.replaceAll(secret, '<redacted>'), text);
}
