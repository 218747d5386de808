/**
 * Deflate on worker threads. For Node; the main entry runs everywhere.
 *
 * @packageDocumentation
 */
export {
  createDeflatePool,
  type DeflatePool,
  type DeflatePoolOptions,
  type PoolDeflateOptions,
} from './deflate-pool.ts';
