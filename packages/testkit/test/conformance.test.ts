import { describe } from 'vitest';
import { requireTool, startDebianRegistry, startRegistry, temporaryFolder } from '../src/index.ts';
import { distributionConformanceSuite } from '../src/suite.ts';

/** What docker-registry 2.8.2 does otherwise. */
const differences = {
  'a part beyond a blob is 416': 'it answers 416, and cuts the connection in the middle of the body',
  'sha512 names a blob as well': 'it takes the blob and names it by sha256',
  'a chunk out of order is 416, and the session goes on from where it was': 'it does not look at Content-Range',
  'the first chunk must begin at 0': 'it does not look at Content-Range',
  'a layer that lives elsewhere need not be there': '500, unless its configuration allows URLs',
  'a subject is acknowledged': 'it has no referrers API',
  'referrers of nothing are an empty index': 'it has no referrers API',
  'referrers are listed, and filtered by artifactType': 'it has no referrers API',
  'a subject may come after its referrers': 'it has no referrers API',
  'tags are listed in order': 'in the order of the folder',
  'tags are listed a page at a time': 'it knows neither n nor last',
  '`last` leaves out what comes before, `n=0` leaves out everything': 'it knows neither n nor last',
  'a tag is deleted, its manifest stays': '400: manifests are deleted by digest only',
};

distributionConformanceSuite('the embedded registry in memory', () => startRegistry());

distributionConformanceSuite('the embedded registry in a folder', async () => {
  const folder = await temporaryFolder();
  const registry = await startRegistry({ folder: folder.path });
  return {
    url: registry.url,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
});

distributionConformanceSuite(
  'the embedded registry with the anonymous mounts of zot',
  () => startRegistry({ quirks: 'zot' }),
  { anonymousMount: true },
);

describe.skipIf(requireTool('docker-registry'))('Debian', () => {
  distributionConformanceSuite("Debian's docker-registry 2.8", () => startDebianRegistry(), { differences });
});
