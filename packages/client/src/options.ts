/**
 * The options of a push: one table for the program's help, the client's defaults, the daemon's settings and its API.
 *
 * @packageDocumentation
 */
export { blankValue, type ParsedCommand } from './options/blank-values.ts';
export { formatByteSize, parseByteSize } from './options/byte-size.ts';
export { type Face, kebabName, type OptionEntry, optionsOf, optionTable } from './options/option-table.ts';
export type { OptionName, OptionValues } from './options/option-values.ts';
export { readOptions } from './options/read-options.ts';
export {
  choiceOf,
  duration,
  layerKinds,
  type NondistributableChoice,
  type ValueKind,
  wholeNumber,
} from './options/value-kinds.ts';
