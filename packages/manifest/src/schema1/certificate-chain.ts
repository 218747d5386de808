import { X509Certificate } from 'node:crypto';
import { ArgumentError } from '@slipway/arguments';
import { SignatureError } from '../errors.ts';
import { type CertificateExtensions, readExtensions } from './certificate-extensions.ts';

/** Certificates that a signature may bring along. */
const maxCertificates = 32;
/** Pairs of certificates that are looked at for one chain: many of one name could otherwise be combined without end. */
const maxSteps = 256;

/**
 * Reads the certificates that signatures are to lead to: PEM, one or several in a text.
 *
 * @throws {TypeError} when one is none
 */
export function readRoots(roots: readonly string[]): readonly X509Certificate[] {
  return roots.flatMap((pem, at) => {
    const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    try {
      if (blocks.length > 0) return blocks.map((block) => new X509Certificate(block));
    } catch {
      // said below
    }
    throw new ArgumentError(`roots[${at}]`, `Expected \`roots[${at}]\` to be a certificate in PEM`);
  });
}

/**
 * Finds the way from the first certificate to a root, over the others in any order. The rules are those of
 * `openssl verify`, with every root trusted for itself, whoever issued it: issuers are authorities that may sign
 * certificates, no more of them than their path lengths allow, all are within their dates, and none has a critical
 * extension that is not known here. Names are not matched, so name constraints are refused.
 *
 * @returns leaf first, root last
 * @throws {SignatureError} `ERR_SIGNATURE_INVALID` with what was wrong with the way that came furthest
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-6.1
 */
export function findChain(
  certificates: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  now: number,
): readonly X509Certificate[] {
  if (certificates.length > maxCertificates) throw new SignatureError(`more than ${maxCertificates} certificates`);
  const search: Search = { roots, others: certificates.slice(1), now, steps: 0, problem: undefined };
  const chain = extend([certificates[0]!], search);
  if (chain !== undefined) return chain;
  throw new SignatureError(search.problem ?? 'the certificate chain leads to none of the roots');
}

interface Search {
  readonly roots: readonly X509Certificate[];
  readonly others: readonly X509Certificate[];
  readonly now: number;
  steps: number;
  /** Of the first way that led to a root and was refused. */
  problem: string | undefined;
}

/** The chain with all that is missing up to a root; undefined if there is no such way. */
function extend(chain: readonly X509Certificate[], search: Search): readonly X509Certificate[] | undefined {
  const last = chain.at(-1)!;
  if (isIn(search.roots, last)) {
    const problem = problemOf(chain, search.now);
    if (problem === undefined) return chain;
    search.problem ??= problem;
    return undefined;
  }
  for (const issuer of [...search.roots, ...search.others]) {
    search.steps += 1;
    if (search.steps > maxSteps) throw new SignatureError('the certificates can be combined in too many ways');
    if (isIn(chain, issuer) || !hasIssued(issuer, last)) continue;
    const found = extend([...chain, issuer], search);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isIn(certificates: readonly X509Certificate[], certificate: X509Certificate): boolean {
  return certificates.some(({ raw }) => raw.equals(certificate.raw));
}

function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function problemOf(chain: readonly X509Certificate[], now: number): string | undefined {
  let authorities = 0;
  for (const [at, certificate] of chain.entries()) {
    const extensions = readExtensions(certificate);
    const subject = subjectOf(certificate);
    if (!(Date.parse(certificate.validFrom) <= now)) return `the certificate of ${subject} is not yet valid`;
    if (!(Date.parse(certificate.validTo) >= now)) return `the certificate of ${subject} has expired`;
    if (extensions.hasUnknownCritical) return `the certificate of ${subject} has an unknown critical extension`;
    if (at === 0) continue;
    if (!mayIssue(certificate, extensions)) return `${subject} may not issue certificates`;
    if (extensions.hasNameConstraints) return `the certificate of ${subject} has name constraints`;
    if (authorities > (extensions.basicConstraints?.pathLength ?? Number.POSITIVE_INFINITY)) {
      return `the chain below ${subject} is longer than its path length allows`;
    }
    if (certificate.subject !== certificate.issuer) authorities += 1;
  }
  return undefined;
}

/** Basic constraints must say so, and a key usage allow it; roots of before there were extensions may. */
function mayIssue(certificate: X509Certificate, extensions: CertificateExtensions): boolean {
  const { basicConstraints, keyUsage, version } = extensions;
  if (keyUsage !== undefined && !keyUsage.certSign) return false;
  return basicConstraints?.isAuthority ?? (version === 1 && certificate.subject === certificate.issuer);
}

function subjectOf({ subject }: X509Certificate): string {
  return JSON.stringify((subject ?? '').replaceAll('\n', ', ').slice(0, 120));
}
