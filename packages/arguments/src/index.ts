/**
 * Tells a JavaScript caller which argument is wrong, before anything is done.
 *
 * @packageDocumentation
 */
export {
  assertArgument,
  assertChunk,
  assertMembers,
  assertOptions,
  assertSignal,
  type MemberKinds,
  type OptionKinds,
  unexpected,
} from './assert-arguments.ts';
export { ArgumentError, type ArgumentErrorCode, ArgumentRangeError } from './errors.ts';
export {
  aBoolean,
  aContent,
  aCount,
  aDate,
  aDuration,
  aFunction,
  aList,
  aNumber,
  anObject,
  anything,
  aPlainObject,
  aSignal,
  aStream,
  aString,
  aText,
  either,
  isBytes,
  type Kind,
  kind,
  listOf,
  oneOf,
  someBytes,
  withMethods,
} from './kinds.ts';
export { surviving } from './surviving.ts';
export { type UnknownOption, unknownOption } from './unknown-option.ts';
