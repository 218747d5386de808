import { compile } from './compile.ts';
import { inflateBase64 } from './inflate-module.ts';
import type { WebAssemblyModule } from './web-assembly.ts';

let compiled: WebAssemblyModule | undefined;

/**
 * The decoder, compiled once per thread.
 *
 * @throws {DeflateError} `ERR_DEFLATE_UNSUPPORTED`.
 */
export function decoderModule(): WebAssemblyModule {
  compiled ??= compile(inflateBase64);
  return compiled;
}
