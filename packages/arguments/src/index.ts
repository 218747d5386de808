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
  anObject,
  aSignal,
  aStream,
  aString,
  aText,
  someBytes,
  either,
  type Kind,
  kind,
  listOf,
  oneOf,
  withMethods,
} from './kinds.ts';
