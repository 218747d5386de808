/**
 * The OCI and Docker image documents: types, media types, guards and byte-exact builders.
 *
 * @packageDocumentation
 */
export type { Descriptor } from './descriptor.ts';
export type { Platform } from './platform.ts';
