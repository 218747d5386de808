import { printable, replaceUnprintable } from '@slipway/client/program';

/**
 * A message of our own as clients are told it: without the place of a file on this machine, and without the system's
 * code of an error. The log has both.
 */
export function toldText(text: string): string {
  return printable(text)
    .replace(/(["'])(?:\/|[A-Za-z]:\\)[^"']*\1/g, hidden)
    .replace(/(?<=^|[\s(])(?:\/(?!v[12]\/|images\/|slipway\/)|[A-Za-z]:\\)[^\s"',;:()]*[/\\][^\s"',;:()]*/g, hidden)
    .replace(/ in the image store a file of slipwayd/g, ' in the image store')
    .replace(/\b(the (?:[a-z]+ )?(?:certificate|file|folder|key|lock)) a file of slipwayd/g, '$1')
    .replace(/\bE[A-Z]{2,14}: ([a-z][^,:]*), \w+(?: a file of slipwayd)?(?: -> a file of slipwayd)?/g, '$1');
}

const hidden = 'a file of slipwayd';

/** JSON text in which no reader of the file is misled by what strangers wrote: its value stays the same. */
export function plainJSON(json: string): string {
  return replaceUnprintable(json, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
