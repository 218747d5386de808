/** A URL fit for messages and records: no user, no query (`_state`, signed storage URLs), no fragment. */
export function redactURL(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/**
 * Replaces every occurrence of the given secrets, in any letter case and in base64 too, in case a registry echoes what
 * it was sent.
 */
export function scrub(text: string, secrets: readonly string[]): string {
  // Shorter ones are no secrets, and would riddle the text.
  return secrets
    .filter((secret) => secret.length >= 4)
    .flatMap(formsOf)
    .reduce(withoutForm, text);
}

/** The same for a text that may end in the middle of a secret. */
export function scrubCut(text: string, secrets: readonly string[]): string {
  const whole = scrub(text, secrets);
  const low = inSmallLetters(whole);
  const cuts = secrets
    .filter((secret) => secret.length >= 4)
    .flatMap(formsOf)
    .map((form) => cutLength(low, form));
  const cut = Math.max(0, ...cuts);
  return cut === 0 ? whole : `${whole.slice(0, -cut)}<redacted>`;
}

/** Characters of a form's beginning that a text ends in: fewer than 4 tell nothing. */
function cutLength(low: string, form: string): number {
  const wanted = inSmallLetters(form);
  for (let length = Math.min(wanted.length - 1, low.length); length >= 4; length -= 1) {
    if (low.endsWith(wanted.slice(0, length))) return length;
  }
  return 0;
}

function formsOf(secret: string): readonly string[] {
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), base64];
}

/** Searches by position: states of 20 kB are too long for an expression. */
function withoutForm(text: string, form: string): string {
  const [low, wanted] = [inSmallLetters(text), inSmallLetters(form)];
  let kept = '';
  let from = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
    kept += `${text.slice(from, at)}<redacted>`;
    from = at + wanted.length;
  }
  return kept + text.slice(from);
}

/** Of the same length, character by character. */
function inSmallLetters(text: string): string {
  const low = text.toLowerCase();
  return low.length === text.length ? low : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
