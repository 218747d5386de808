/** Columns the text takes on a terminal, never guessed too few: East Asian characters and pictographs count two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

/** The text's beginning, at most `columns` wide; what was cut is marked with `ellipsis`. */
export function trimToWidth(text: string, columns: number, ellipsis = '…'): string {
  if (displayWidth(text) <= columns) return text;
  const room = columns - displayWidth(ellipsis);
  if (room < 0) return '';
  let kept = '';
  let width = 0;
  for (const character of text) {
    width += widthOf(character);
    if (width > room) break;
    kept += character;
  }
  return kept + ellipsis;
}

function widthOf(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  return (point >= 0x1100 && point <= 0x115f) || point >= 0x2e80 ? 2 : 1;
}
