const token = new RegExp(
  [
    /[ \t\n\r]+/,
    /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/,
    /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/,
    /true|false|null|[[\]{}:,]/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'y',
);

/**
 * Where a text stops being JSON (RFC 8259): the offset of what is not expected there, or the text's length where more
 * is expected. `JSON.parse` says it in words of each engine's own, and JavaScriptCore's say nothing of the place.
 */
export function jsonErrorAt(text: string): number {
  const open: string[] = [];
  let expected = 'value';
  for (token.lastIndex = 0; token.lastIndex < text.length; ) {
    const at = token.lastIndex;
    const [found] = token.exec(text) ?? [];
    if (found === undefined) return at;
    if (/^\s/.test(found)) continue;
    const next = step(found, expected, open);
    if (next === undefined) return at;
    expected = next;
  }
  return text.length;
}

/** What may come after a token, or undefined where the token may not stand. */
function step(found: string, expected: string, open: string[]): string | undefined {
  const first = found.charAt(0);
  if (first === '}' || first === ']') {
    const isEmpty = expected === 'key or }' || expected === 'value or ]';
    if ((!isEmpty && expected !== 'comma') || open.pop() !== (first === '}' ? '{' : '[')) return undefined;
    return open.length === 0 ? 'nothing' : 'comma';
  }
  if (first === ',') return expected !== 'comma' ? undefined : open.at(-1) === '{' ? 'key' : 'value';
  if (first === ':') return expected === 'colon' ? 'value' : undefined;
  if (expected.startsWith('key')) return first === '"' ? 'colon' : undefined;
  if (!expected.startsWith('value')) return undefined;
  if (first !== '{' && first !== '[') return open.length === 0 ? 'nothing' : 'comma';
  open.push(first);
  return first === '{' ? 'key or }' : 'value or ]';
}
