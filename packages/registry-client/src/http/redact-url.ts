/** A URL fit for messages and records: no user, no query (`_state`, signed storage URLs), no fragment. */
export function redactURL(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Replaces every occurrence of the given secrets, in case a registry echoes what it was sent. */
export function scrub(text: string, secrets: readonly string[]): string {
  return secrets.reduce(
    (scrubbed, secret) => (secret === '' ? scrubbed : scrubbed.replaceAll(secret, '<redacted>')),
    text,
  );
}
