/**
 * TarSum: the checksum that v1 registries and the first v2 ones name layers by, independent of the order of files.
 *
 * @packageDocumentation
 */
export { TarSumError } from './errors.ts';
export { createTarSum, type TarSum, type TarSumVersion, tarSum } from './tarsum/tar-sum.ts';
