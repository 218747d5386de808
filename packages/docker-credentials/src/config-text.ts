/** The text of a configuration file, whatever the editor that wrote it. */
export interface ConfigText {
  readonly text: string;
  /** Undefined for UTF-8, the only one that docker and podman read. */
  readonly encoding: 'UTF-16' | undefined;
}

/**
 * Decodes UTF-8 and, as PowerShell's `>` writes it, UTF-16 in either byte order, with and without a byte order mark.
 */
export function decodeConfig(bytes: Uint8Array): ConfigText {
  const order = byteOrderOf(bytes);
  if (order === undefined) {
    return { text: withoutMark(Buffer.from(bytes).toString('utf8')), encoding: undefined };
  }
  const even = Buffer.from(bytes.subarray(0, bytes.byteLength - (bytes.byteLength % 2)));
  return { text: withoutMark((order === 'big' ? even.swap16() : even).toString('utf16le')), encoding: 'UTF-16' };
}

/** The order of UTF-16 by its mark; without one, by the zero bytes that the characters of JSON have in it. */
function byteOrderOf([first, second, third, fourth]: Uint8Array): 'little' | 'big' | undefined {
  if (first === 0xff && second === 0xfe) return 'little';
  if (first === 0xfe && second === 0xff) return 'big';
  if (second === 0 && fourth === 0 && first !== 0) return 'little';
  return first === 0 && third === 0 && second !== 0 && second !== undefined ? 'big' : undefined;
}

function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}
