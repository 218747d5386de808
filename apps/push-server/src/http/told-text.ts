/**
 * Text of strangers (a registry's message, an archive's name) as it may stand on a terminal, a page and in one line:
 * line ends and tabs are spaces; control characters, and those that turn the direction of writing, are `?`.
 */
export function plainText(text: string): string {
  return text.replace(/[\r\n\t]+/g, ' ').replace(unsafe, '?');
}

const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * A message of our own as clients are told it: without the place of a file on this machine, and without the system's
 * code of an error. The log has both.
 */
export function toldText(text: string): string {
  return plainText(text)
    .replace(/(["'])(?:\/|[A-Za-z]:\\)[^"']*\1/g, hidden)
    .replace(/(?<=^|[\s(])(?:\/(?!v[12]\/|images\/|slipway\/)|[A-Za-z]:\\)[^\s"',;:()]*[/\\][^\s"',;:()]*/g, hidden)
    .replace(/ in the image store a file of slipwayd/g, ' in the image store')
    .replace(/\bE[A-Z]{2,14}: ([a-z][^,:]*), \w+(?: a file of slipwayd)?(?: -> a file of slipwayd)?/g, '$1');
}

const hidden = 'a file of slipwayd';

/** JSON text in which no reader of the file is misled by what strangers wrote: its value stays the same. */
export function plainJSON(json: string): string {
  return json.replace(unsafe, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
