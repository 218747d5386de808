import { DeflateError } from './errors.ts';
import { type WebAssemblyModule, webAssembly } from './web-assembly.ts';

/** A function that does nothing but name a SIMD instruction: `v128.const 0; drop`. */
const simdProbe = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0],
  ...[10, 23, 1, 21, 0, 253, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 11],
);

/** Whether this runtime has WebAssembly with SIMD. */
export function isDeflateAvailable(): boolean {
  return webAssembly?.validate(simdProbe) ?? false;
}

/**
 * Compiles a module of this package.
 *
 * @throws {DeflateError} `ERR_DEFLATE_UNSUPPORTED`.
 */
export function compile(base64: string): WebAssemblyModule {
  if (webAssembly === undefined || !isDeflateAvailable()) {
    throw new DeflateError('ERR_DEFLATE_UNSUPPORTED', 'This runtime has no WebAssembly with SIMD');
  }
  return new webAssembly.Module(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
}
