import type { CachedLayer } from '@slipway/layer-cache';
import { answered } from '../../answered.ts';
import type { FormBytes } from '../form-bytes.ts';
import type { Run } from './run.ts';

/** A layer that was compressed before, and kept in the cache. */
export function keptRun(layer: CachedLayer): Run {
  const { digest, size } = layer;
  const identity = { digest, size };
  const available = async (): Promise<number> => size;
  return {
    identify: async () => identity,
    available,
    async settled() {},
    async take(options): Promise<FormBytes> {
      const copy = await answered(layer.open(options), options.signal, (late) => late[Symbol.asyncDispose]());
      return {
        side: 'copy',
        identity,
        size,
        available,
        read: (reading) => copy.read(reading),
        [Symbol.asyncDispose]: () => copy[Symbol.asyncDispose](),
      };
    },
  };
}
