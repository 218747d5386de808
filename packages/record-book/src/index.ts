/**
 * Small records in one file, which several processes read and write at once.
 *
 * @packageDocumentation
 */
export { RecordBookError, type RecordBookErrorCode } from './errors.ts';
export { openRecordBook, type RecordBookOptions } from './open-record-book.ts';
export type { RecordBook, ValueChange } from './record-book.ts';
