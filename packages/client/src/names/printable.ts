/**
 * Text of strangers (a registry's message, a file's name) as it may stand on a terminal, on a page and in one line:
 * line ends and tabs are spaces; control characters, which could move a cursor or forge a line, and those that turn the
 * direction of writing are `?`.
 */
export function printable(text: string): string {
  return replaceUnprintable(text.replace(/[\r\n\t]+/g, ' '), () => '?');
}

/** Replaces each character that misleads whoever reads it. */
export function replaceUnprintable(text: string, replacement: (character: string) => string): string {
  return text.replace(unprintable, replacement);
}

const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
