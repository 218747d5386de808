import { compile } from './compile.ts';
import { type ResolvedDeflateOptions, windowSize } from './options.ts';
import { wasmBase64 } from './wasm-module.ts';
import { type WebAssemblyApi, type WebAssemblyModule, webAssembly } from './web-assembly.ts';

/** What the module offers. `assembly/index.ts` has the words. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  inputAddress(): number;
  outputAddress(): number;
  deflate(dictionarySize: number, size: number, level: number, final: number): number;
}

/**
 * Plain bytes per call into the module. A multiple of what a stored block carries, so that cutting adds nothing to the
 * bound on expansion.
 */
export const pieceSize: number = 16 * 65_535;

let compiled: WebAssemblyModule | undefined;

/**
 * The module, compiled once per thread.
 *
 * @throws {DeflateError} `ERR_DEFLATE_UNSUPPORTED`.
 */
export function encoderModule(): WebAssemblyModule {
  compiled ??= compile(wasmBase64);
  return compiled;
}

/** Deflates a piece of at most {@link pieceSize} bytes. */
export type DeflatePiece = (piece: Uint8Array, options: ResolvedDeflateOptions) => Uint8Array;

/** A fresh instance of the module, with memory of its own: 3 MiB. */
export function createEncoder(): DeflatePiece {
  const module = encoderModule();
  const encoder = new (webAssembly as WebAssemblyApi).Instance(module, {}).exports as Exports;
  const memory = new Uint8Array(encoder.memory.buffer);
  const inputAddress = encoder.inputAddress();
  const outputAddress = encoder.outputAddress();
  return (piece, { level, dictionary, final }) => {
    memory.set(dictionary, inputAddress);
    memory.set(piece, inputAddress + dictionary.byteLength);
    const size = encoder.deflate(dictionary.byteLength, piece.byteLength, level, final ? 1 : 0);
    return memory.slice(outputAddress, outputAddress + size);
  };
}

/** A piece and how to deflate it. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly options: ResolvedDeflateOptions;
}

/**
 * Cuts input into pieces that can be deflated each by itself, and whose results are joined by laying them end to end.
 */
export function piecesOf(input: Uint8Array, options: ResolvedDeflateOptions): Piece[] {
  const pieces: Piece[] = [];
  for (let start = 0; start < input.byteLength || start === 0; start += pieceSize) {
    const end = Math.min(start + pieceSize, input.byteLength);
    const isLast = end === input.byteLength;
    pieces.push({
      bytes: input.subarray(start, end),
      options: {
        level: options.level,
        dictionary: start === 0 ? options.dictionary : input.subarray(Math.max(0, start - windowSize), start),
        final: isLast && options.final,
      },
    });
  }
  return pieces;
}

/** Lays results end to end. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}
