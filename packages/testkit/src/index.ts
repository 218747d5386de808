/**
 * Test equipment: an embedded registry that misbehaves on request, real registries, seeded images and archives.
 *
 * @packageDocumentation
 */
export { TestkitError, type TestkitErrorCode } from './errors.ts';
export type { AuthOptions, BearerAuthOptions } from './registry/auth.ts';
export {
  type EmbeddedRegistry,
  type HeldManifest,
  type OpenSession,
  type Seed,
  type SeedManifest,
  startRegistry,
} from './registry/embedded-registry.ts';
export type { Misbehaviour, MisbehaviourHandle, RequestMatch } from './registry/misbehaviour.ts';
export type { RegistryOptions, RegistryTlsOptions } from './registry/options.ts';
export { type QuirkName, quirkNames, type RegistryQuirks, resolveQuirks } from './registry/quirks.ts';
export type { RequestRecord } from './registry/request-record.ts';
export type { RequestKind } from './registry/route.ts';
export type { VerifiedCounts } from './registry/verify.ts';
