import type { PeerCertificate } from 'node:tls';
import type { ValuesOf } from './rule.ts';

/** What a rule for client certificates may ask for: of the subject, and of its alternative names. */
export const certificateFields = ['cn', 'o', 'ou', 'dns', 'uri', 'email'] as const;

/** Who a client certificate says its owner is. */
export interface CertificateIdentity {
  /** The common name, or else the first alternative name; the fingerprint where neither can be written down. */
  readonly name: string;
  readonly valuesOf: ValuesOf;
}

/** Reads a certificate that was verified. */
export function certificateIdentity(
  certificate: Pick<PeerCertificate, 'subject' | 'subjectaltname' | 'fingerprint256'>,
): CertificateIdentity {
  const { subject, subjectaltname = '', fingerprint256 } = certificate;
  const alternatives = alternativeNames(subjectaltname);
  const values = {
    cn: textsOf(subject?.CN),
    o: textsOf(subject?.O),
    ou: textsOf(subject?.OU),
    dns: alternatives('DNS'),
    uri: alternatives('URI'),
    email: alternatives('email'),
  } satisfies Readonly<Record<(typeof certificateFields)[number], readonly string[]>>;
  const byName: ReadonlyMap<string, readonly string[]> = new Map(Object.entries(values));
  const [first = ''] = [...values.cn, ...values.uri, ...values.dns, ...values.email];
  return {
    name: /^[\x20-\x7e]{1,255}$/.test(first) ? first : fingerprint256,
    valuesOf: (name) => byName.get(name) ?? [],
  };
}

/**
 * Node writes `DNS:a.example, URI:"spiffe://x/y,z"`: a value with a comma, a quote or the like stands in quotes.
 *
 * @see https://nodejs.org/api/crypto.html#x509subjectaltname
 */
function alternativeNames(text: string): (type: string) => readonly string[] {
  const found = [...text.matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/g)];
  return (type) =>
    found.flatMap(([, each, value = '']) => (each === type ? (value.startsWith('"') ? unquoted(value) : [value]) : []));
}

function unquoted(text: string): readonly string[] {
  try {
    return [JSON.parse(text) as string];
  } catch {
    return [];
  }
}

/** A field that stands there more than once is a list. */
function textsOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : [value].flat();
}
