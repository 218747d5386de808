/** Values of one claim, at most: a token has a limited size anyhow. */
const maxValues = 1_000;

/**
 * The values of a claim: a text, a number or a switch is one, a list several. A name that begins with a slash is a path
 * into claims that are objects: `/kubernetes.io/namespace`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6901 JSON Pointer
 */
export function claimValues(claims: Readonly<Record<string, unknown>>, name: string): readonly string[] {
  let value: unknown = claims;
  const steps = name.startsWith('/') && !Object.hasOwn(claims, name) ? name.slice(1).split('/').map(unescaped) : [name];
  for (const step of steps) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step)) return [];
    value = (value as Readonly<Record<string, unknown>>)[step];
  }
  const values: readonly unknown[] = Array.isArray(value) ? value.slice(0, maxValues) : [value];
  return values.flatMap((each) => (isPlain(each) ? [String(each)] : []));
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function unescaped(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}
