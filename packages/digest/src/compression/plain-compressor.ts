import { abortable } from '../streams/abortable.ts';
import type { Compressor } from './compressor.ts';

/** Lets plain bytes through as they are: for layers that go uncompressed. */
export function createPlainCompressor(): Compressor {
  return {
    compression: 'none',
    recipe: 'plain;v1',
    compress: (source, { signal } = {}) => abortable(source, signal),
  };
}
