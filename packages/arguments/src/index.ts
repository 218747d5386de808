/**
 * Tells a JavaScript caller which argument is wrong, before anything is done.
 *
 * @packageDocumentation
 */
export { assertArgument, assertOptions, type OptionKinds, unexpected } from './assert-arguments.ts';
export { ArgumentError, type ArgumentErrorCode, ArgumentRangeError } from './errors.ts';
export {
  aBoolean,
  aContent,
  aCount,
  aDate,
  aFunction,
  aList,
  aNumber,
  anObject,
  aSignal,
  aStream,
  aString,
  aText,
  either,
  type Kind,
  kind,
  listOf,
  oneOf,
  someBytes,
  withMethods,
} from './kinds.ts';
