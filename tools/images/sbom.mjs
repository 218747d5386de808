// What is in an image, as SPDX 2.3: the Debian packages, and what the executable says is bundled in it.
import { createHash } from 'node:crypto';

/**
 * @param {{ name: string, version: string, created: Date, digest: string, platform: { architecture: string },
 * release: { id: string, version: string }, packages: object[], notices: string }} image `digest` of its manifest;
 * `notices` what `--version --licenses` prints
 * @see https://spdx.github.io/spdx-spec/v2.3/
 */
export function sbomOf({ name, version, created, digest, platform, release, packages, notices }) {
  const image = spdxPackage({
    id: 'image',
    name,
    version,
    license: 'Apache-2.0',
    purpose: 'CONTAINER',
    purl: `pkg:oci/${name}@${encodeURIComponent(digest)}?arch=${platform.architecture}`,
  });
  const debian = packages.map((each) =>
    spdxPackage({
      id: `deb-${each.name}`,
      name: each.name,
      version: each.version,
      purl:
        `pkg:deb/${release.id}/${each.name}@${encodeURIComponent(each.version)}` +
        `?arch=${each.architecture}&distro=${release.id}-${release.version}`,
    }),
  );
  const bundled = bundledIn(notices).map((each) =>
    spdxPackage({
      ...each,
      id: `npm-${each.name}-${each.version}`,
      purl: each.name === 'Bun' ? `pkg:github/oven-sh/bun@bun-v${each.version}` : npmUrl(each),
    }),
  );
  const all = [...debian, ...bundled];
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${name} ${version} ${platform.architecture}`,
    // The same image has the same namespace.
    documentNamespace: `https://github.com/slipway/slipway/sbom/${name}-${digest.replace(':', '-')}`,
    creationInfo: { created: created.toISOString().replace('.000Z', 'Z'), creators: ['Tool: slipway-build-images'] },
    packages: [image, ...all],
    relationships: [
      relationship('SPDXRef-DOCUMENT', 'DESCRIBES', image.SPDXID),
      ...all.map(({ SPDXID }) => relationship(image.SPDXID, 'CONTAINS', SPDXID)),
    ],
  };
}

/** Names, versions and licences at the head of each part of the notices. */
export function bundledIn(notices) {
  const found = new Map();
  for (const [, name, version, license] of notices.matchAll(/^ {2}(\S+) (\d\S*) \((.*)\)$/gm)) {
    found.set(`${name} ${version}`, { name, version, license });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function spdxPackage({ id, name, version, license, purpose, purl }) {
  return {
    SPDXID: `SPDXRef-${id.replace(/[^A-Za-z0-9.-]+/g, '-')}-${short(purl)}`,
    name,
    versionInfo: version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: isExpression(license) ? license : 'NOASSERTION',
    copyrightText: 'NOASSERTION',
    ...(purpose === undefined ? {} : { primaryPackagePurpose: purpose }),
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
  };
}

function relationship(from, relationshipType, to) {
  return { spdxElementId: from, relationshipType, relatedSpdxElement: to };
}

function npmUrl({ name, version }) {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

/** Whether a licence is named as SPDX names it; what is told in words is not. */
function isExpression(license) {
  return license !== undefined && /^\(?[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*\)?$/.test(license);
}

function short(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
