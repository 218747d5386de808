import xz from 'xz-decompress';

/** The decoder of xz-decompress, whose exports work on one memory. */
export interface XzDecoder {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Makes a decoder of one stream; its address, where six numbers of 32 bits stand: see {@link XzContext}. */
  create_context(): number;
  destroy_context(context: number): void;
  /** Says how many bytes lie in the input buffer. */
  supply_input(context: number, size: number): void;
  /** Decodes as much as fits in the output buffer, and says how it went. */
  get_next_output(context: number): number;
}

/** What stands at the address of a context, in this order. */
export const xzFields = { bufferSize: 0, inputAt: 1, inputRead: 2, inputSize: 3, outputAt: 4, outputSize: 5 } as const;

/**
 * What `get_next_output` says.
 * @see https://github.com/tukaani-project/xz-embedded/blob/v2024-12-30/linux/include/linux/xz.h
 */
export const xzResults = { ok: 0, streamEnd: 1, memoryLimit: 4, options: 6, noProgress: 8 } as const;

interface XzReadable {
  /** Each call makes an instance of its own. */
  _getModuleInstance(): Promise<void>;
  _moduleInstance: { readonly exports: XzDecoder };
}

/**
 * A decoder with a memory of its own, which goes with it. The package's own stream drops what follows the first stream
 * of a file, and lets one file be read at a time; so its WebAssembly is driven here.
 */
export async function createXzDecoder(): Promise<XzDecoder> {
  const { XzReadableStream } = xz as unknown as { readonly XzReadableStream: XzReadable };
  await XzReadableStream._getModuleInstance();
  return XzReadableStream._moduleInstance.exports;
}
