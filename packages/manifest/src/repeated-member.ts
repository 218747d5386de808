const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openingBracket, closingBracket, openingBrace, closingBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/** What may be named twice: for a map, all readers take the last. */
const maps: ReadonlySet<string> = new Set(['annotations']);

/**
 * Finds a member that an object has twice. JavaScript takes the last of them; Go fills one value from both, so that of
 * two lists of layers the urls of the first stay in the second; others refuse the document.
 *
 * @param bytes well-formed JSON
 * @returns its name; undefined where all objects but maps name their members once
 * @see https://www.rfc-editor.org/rfc/rfc8259#section-4
 */
export function repeatedMemberOf(bytes: Uint8Array): string | undefined {
  const names: (Set<string> | undefined)[] = []; // of the objects around; undefined for a list and a map
  let name = '';
  let isNameNext = false;
  for (let at = 0; at < bytes.byteLength; at += 1) {
    switch (bytes[at]) {
      case openingBrace:
        isNameNext = !maps.has(name);
        names.push(isNameNext ? new Set() : undefined);
        name = '';
        break;
      case openingBracket:
        names.push(undefined);
        break;
      case closingBrace:
      case closingBracket:
        names.pop();
        isNameNext = false;
        break;
      case comma:
        isNameNext = names.at(-1) !== undefined;
        name = '';
        break;
      case quote: {
        const end = endOfText(bytes, at);
        if (isNameNext) {
          name = JSON.parse(new TextDecoder().decode(bytes.subarray(at, end + 1)));
          const known = names.at(-1);
          if (known?.has(name)) return name;
          known?.add(name);
          isNameNext = false;
        }
        at = end;
        break;
      }
      default:
    }
  }
  return undefined;
}

/** Where the text that begins at `at` has its closing quote. */
function endOfText(bytes: Uint8Array, at: number): number {
  let end = at + 1;
  while (end < bytes.byteLength && bytes[end] !== quote) end += bytes[end] === backslash ? 2 : 1;
  return end;
}
