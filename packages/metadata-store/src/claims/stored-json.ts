/** Reads a stored value as JSON; what is absent or no JSON is undefined. */
export function parseJSON(value: Uint8Array | undefined): unknown {
  if (value === undefined) return undefined;
  try {
    return JSON.parse(decode(value));
  } catch {
    return undefined;
  }
}

/** Whether a value out of JSON is an object, and no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Text as UTF-8. */
export function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** UTF-8 as text; what is no UTF-8 becomes U+FFFD. */
export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
