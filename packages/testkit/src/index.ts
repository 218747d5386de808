/**
 * Test equipment: an embedded registry that misbehaves on request, real registries, seeded images and archives.
 *
 * @packageDocumentation
 */
export { type CarriedRequest, type CuttingProxy, type CuttingProxyOptions, cuttingProxy } from './cutting-proxy.ts';
export { TestkitError, type TestkitErrorCode } from './errors.ts';
export { type FaultProxy, type FaultProxyOptions, faultProxy, type NetworkFaults } from './fault-proxy.ts';
export { type ArchivedImage, type DockerArchiveOptions, writeDockerArchive } from './images/docker-archive.ts';
export { flipByte } from './images/flip-byte.ts';
export { type MutatedForm, type MutatedSource, mutatedSource, writeMutatedSource } from './images/mutated-source.ts';
export {
  type LayoutEntry,
  type OciArchiveOptions,
  type OciLayoutOptions,
  type TestArtifact,
  type WrittenLayout,
  writeOciArchive,
  writeOciLayout,
} from './images/oci-layout.ts';
export { multiPlatformImage, type RandomImageOptions, randomImage, type TestImage } from './images/random-image.ts';
export { type ContentKind, type RandomLayerOptions, randomLayer, type TestLayer } from './images/random-layer.ts';
export { type SeededRandom, seededRandom } from './images/seeded-random.ts';
export { type ReadBack, type ReadBackLayer, type ReadBackOptions, readBack } from './read-back.ts';
export { type RefusingProxy, type RefusingProxyOptions, refusingProxy } from './refusing-proxy.ts';
export type { AuthOptions, BearerAuthOptions } from './registry/auth.ts';
export {
  type EmbeddedRegistry,
  type HeldManifest,
  type OpenSession,
  startRegistry,
} from './registry/embedded-registry.ts';
export type { Misbehaviour, MisbehaviourHandle, RequestMatch } from './registry/misbehaviour.ts';
export type { RegistryOptions, RegistryTlsOptions } from './registry/options.ts';
export { type QuirkName, quirkNames, type RegistryQuirks, resolveQuirks, type WireQuirks } from './registry/quirks.ts';
export type { RequestRecord } from './registry/request-record.ts';
export type { RequestKind } from './registry/route.ts';
export type { Seed, SeedManifest } from './registry/seed.ts';
export type { VerifiedCounts } from './registry/verify.ts';
export { asNobody } from './tools/as-nobody.ts';
export {
  type DebianRegistry,
  type DebianRegistryOptions,
  type LoggedRequest,
  startDebianRegistry,
} from './tools/debian-registry.ts';
export { endWithThisProcess } from './tools/end-with-this-process.ts';
export { createFakeHome, type FakeHome, keychainScript } from './tools/fake-home.ts';
export { findTool, requireTool } from './tools/find-tool.ts';
export { findUnshare, type Unshare } from './tools/find-unshare.ts';
export { type RunToolOptions, runTool, skopeo, type ToolResult } from './tools/run-tool.ts';
export { linesOf, startScript } from './tools/script-process.ts';
export { secretFormsIn } from './tools/secret-forms.ts';
export { type TemporaryFolder, temporaryFolder } from './tools/temporary-folder.ts';
export { type TestCertificates, type TestCertificatesOptions, testCertificates } from './tools/test-certificates.ts';
