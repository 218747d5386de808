/**
 * Test equipment for what came before schema 2: a v1 registry, a v2 registry of 2015, archives of that time, and
 * readers that verify what was pushed.
 *
 * @packageDocumentation
 */

export { type GraphArchiveImage, writeGraphArchive } from './legacy/graph-archive.ts';
export { startGraphRegistry } from './legacy/graph-registry.ts';
export type { LegacyRegistry, LegacyRequest, LegacyRule } from './legacy/legacy-server.ts';
export { type ReadBackSchema1, type ReadBackSchema1Layer, readBackSchema1 } from './legacy/read-back-schema1.ts';
export { type ReadBackV1Image, readBackV1 } from './legacy/read-back-v1.ts';
export { startV1Registry, type V1Registry, type V1RegistryOptions } from './legacy/v1-registry.ts';
