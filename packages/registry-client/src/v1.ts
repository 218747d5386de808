/**
 * Speaks the protocol of registries before 2015, v1: images one by one, each with its `json`, layer and checksum.
 *
 * @packageDocumentation
 */
export { openV1Session } from './v1/open-v1-session.ts';
export { v1EndpointURLs } from './v1/v1-endpoint-urls.ts';
export type { V1Checksums, V1IndexEntry, V1Ping, V1Session } from './v1/v1-session.ts';
