/**
 * Reads pax records, `<length> <key>=<value>\n`, where the length counts the whole record. Counted, not split into
 * lines: values may hold line breaks. The later of two equal keys counts, an empty value deletes the key; of the pieces
 * of a sparse file, which version 0.0 of its format writes one by one, all are kept, with commas between them.
 *
 * @returns undefined when a record is malformed
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_92_13_03
 */
export function parsePaxRecords(bytes: Buffer): ReadonlyMap<string, string> | undefined {
  const records = new Map<string, string>();
  for (let start = 0; start < bytes.byteLength; ) {
    const space = bytes.indexOf(0x20, start);
    const digits = space === -1 ? '' : bytes.toString('latin1', start, Math.min(space, start + 10));
    const end = start + Number(digits);
    if (!/^[1-9]\d*$/.test(digits) || end > bytes.byteLength || end <= space + 1 || bytes[end - 1] !== 0x0a)
      return undefined;
    const record = bytes.toString('utf8', space + 1, end - 1);
    const equals = record.indexOf('=');
    if (equals < 1) return undefined;
    const key = record.slice(0, equals);
    const value = record.slice(equals + 1);
    if (/^(path|linkpath)$/.test(key) && value.includes('\0')) return undefined;
    if (value === '') records.delete(key);
    else records.set(key, isListed(key) ? [records.get(key) ?? [], value].flat().join(',') : value);
    start = end;
  }
  return records;
}

function isListed(key: string): boolean {
  return key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes';
}
