/**
 * A deflate encoder in WebAssembly: the same bytes on every machine.
 *
 * @packageDocumentation
 */
export { isDeflateAvailable } from './compile.ts';
export { deflateBlock, deflateVersion } from './deflate.ts';
export { DeflateError, type DeflateErrorCode } from './errors.ts';
export { type DeflateLevel, type DeflateOptions, deflateDefaults } from './options.ts';
