import { assertArgument, someBytes } from '@slipway/arguments';

/** Below that, no document can cost much. */
const smallBytes = 16 * 1024;
/** Documents of builders stay below ten. */
const maxDepth = 100;
/** An archive of a thousand images with 127 layers each has half as many. */
const maxValues = 300_000;

/**
 * Looks at a JSON document before it is parsed: one that is made of brackets costs sixty times its bytes in memory.
 *
 * @returns what it has too much of, for a message; undefined for a document like those that builders write
 */
export function excessOfJSON(bytes: Uint8Array): string | undefined {
  assertArgument('bytes', bytes, someBytes);
  if (bytes.byteLength <= smallBytes) return undefined;
  let depth = 0;
  let values = 1;
  let isText = false;
  for (let at = 0; at < bytes.byteLength; at += 1) {
    const byte = bytes[at];
    if (isText) {
      if (byte === backslash) at += 1;
      else if (byte === quote) isText = false;
    } else if (byte === quote) isText = true;
    else if (byte === openingBracket || byte === openingBrace) {
      depth += 1;
      values += 1;
      if (depth > maxDepth) return `it nests deeper than ${maxDepth} levels`;
    } else if (byte === closingBracket || byte === closingBrace) depth -= 1;
    else if (byte === comma) values += 1;
    if (values > maxValues) return `it has more than ${maxValues} values`;
  }
  return undefined;
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openingBracket, closingBracket, openingBrace, closingBrace] = [0x5b, 0x5d, 0x7b, 0x7d];
