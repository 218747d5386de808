import { assertArgument, assertOptions, someBytes } from './call-checks.ts';
import { createEncoder, type DeflatePiece, joined, piecesOf } from './encoder.ts';
import { type DeflateOptions, deflateKinds, resolveDeflateOptions } from './options.ts';

/**
 * Names the bytes: two encoders with the same version, level and cuts make the same bytes of the same input, on every
 * machine. A change of bytes is a new version, because it changes the digests of what is compressed.
 */
export const deflateVersion = 3;

let shared: DeflatePiece | undefined;

/**
 * Raw deflate of `input`, on the calling thread: about 10 ms a MiB. Never more than 5 bytes per 65,535 larger than
 * `input` (and 2 bytes for a final block of nothing).
 *
 * The first call compiles the encoder; its 3 MiB of memory are kept for the next.
 *
 * @throws {DeflateError} `ERR_DEFLATE_UNSUPPORTED`, without WebAssembly SIMD.
 * @throws {RangeError} `ERR_ARGUMENT` when `level` is not 1 to 6.
 * @throws {TypeError} `ERR_ARGUMENT` for an argument of another kind, or an option that there is none of.
 * @see https://www.rfc-editor.org/rfc/rfc1951
 * @example
 * ```ts
 * const first = deflateBlock(bytes.subarray(0, cut), { final: false });
 * const second = deflateBlock(bytes.subarray(cut), { dictionary: bytes.subarray(0, cut) });
 * inflateRawSync(Buffer.concat([first, second])); // `bytes` again
 * ```
 */
export function deflateBlock(input: Uint8Array, options: DeflateOptions = {}): Uint8Array {
  assertArgument('input', input, someBytes);
  assertOptions(options, deflateKinds);
  const resolved = resolveDeflateOptions(options);
  shared ??= createEncoder();
  const deflate = shared;
  return joined(piecesOf(input, resolved).map(({ bytes, options }) => deflate(bytes, options)));
}
