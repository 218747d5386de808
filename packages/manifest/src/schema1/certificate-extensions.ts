import type { X509Certificate } from 'node:crypto';

/** What a certificate says in its extensions, which `node:crypto` does not tell. */
export interface CertificateExtensions {
  /** 1 or 3, as people count them. */
  readonly version: number;
  readonly basicConstraints: BasicConstraints | undefined;
  /** Undefined where the key may be used for everything. */
  readonly keyUsage: { readonly certSign: boolean } | undefined;
  readonly hasNameConstraints: boolean;
  /** Whether one is critical that is not known here: whoever made the certificate wants it refused then. */
  readonly hasUnknownCritical: boolean;
}

export interface BasicConstraints {
  readonly isAuthority: boolean;
  /** Authorities that may stand between this one and the leaf. Undefined: any number. */
  readonly pathLength: number | undefined;
}

/** Object identifiers as the hex of their DER. @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1 */
const oids = { keyUsage: '551d0f', basicConstraints: '551d13', nameConstraints: '551d1e' } as const;
/** Critical ones that change nothing for a signature: other names, revocation lists, policies, purposes, key ids. */
const harmless: ReadonlySet<string> = new Set([
  ...['551d0e', '551d11', '551d12', '551d1f', '551d20', '551d21', '551d23', '551d24', '551d25', '551d36'],
]);
const known: ReadonlySet<string> = new Set([...Object.values(oids), ...harmless]);

/** Reads the extensions. The certificate's form was checked by OpenSSL before. */
export function readExtensions(certificate: X509Certificate): CertificateExtensions {
  const fields = children(child(whole(certificate.raw)));
  const version = fields[0]?.tag === tags.version ? (child(fields[0]).content[0] ?? 0) + 1 : 1;
  const extensions = fields.find(({ tag }) => tag === tags.extensions);
  const list = extensions === undefined ? [] : children(child(extensions)).map(readExtension);
  const findValue = (oid: string): Element | undefined => list.find((extension) => extension.oid === oid)?.value;
  return {
    version,
    basicConstraints: readBasicConstraints(findValue(oids.basicConstraints)),
    keyUsage: readKeyUsage(findValue(oids.keyUsage)),
    hasNameConstraints: findValue(oids.nameConstraints) !== undefined,
    hasUnknownCritical: list.some(({ oid, isCritical }) => isCritical && !known.has(oid)),
  };
}

interface Extension {
  readonly oid: string;
  readonly isCritical: boolean;
  readonly value: Element;
}

function readExtension(element: Element): Extension {
  const [oid, ...rest] = children(element);
  return {
    oid: Buffer.from(oid!.content).toString('hex'),
    isCritical: rest[0]?.tag === tags.boolean && rest[0].content[0] !== 0,
    value: whole(rest.at(-1)!.content),
  };
}

function readBasicConstraints(value: Element | undefined): BasicConstraints | undefined {
  if (value === undefined) return undefined;
  const fields = children(value);
  const length = fields.find(({ tag }) => tag === tags.integer);
  return {
    isAuthority: fields[0]?.tag === tags.boolean && fields[0].content[0] !== 0,
    pathLength: length?.content.reduce((number, byte) => Math.min(number * 256 + byte, Number.MAX_SAFE_INTEGER), 0),
  };
}

/** A bit string: how many bits of the last byte are unused, then the bits, of which the sixth is `keyCertSign`. */
function readKeyUsage(value: Element | undefined): CertificateExtensions['keyUsage'] {
  return value && { certSign: ((value.content[1] ?? 0) & 0x04) !== 0 };
}

const tags = { boolean: 0x01, integer: 0x02, version: 0xa0, extensions: 0xa3 } as const;

/** An element of DER: tag, length, content. */
interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Bytes in all. */
  readonly size: number;
}

function whole(bytes: Uint8Array): Element {
  let length = bytes[1] ?? 0;
  let start = 2;
  if (length > 0x7f) {
    const count = length & 0x7f;
    length = bytes.subarray(start, start + count).reduce((number, byte) => number * 256 + byte, 0);
    start += count;
  }
  if (!(start + length <= bytes.byteLength)) throw new Error('Expected a certificate in DER');
  return { tag: bytes[0] ?? 0, content: bytes.subarray(start, start + length), size: start + length };
}

function children({ content }: Element): readonly Element[] {
  const found: Element[] = [];
  for (let at = 0; at < content.byteLength; ) {
    const element = whole(content.subarray(at));
    found.push(element);
    at += element.size;
  }
  return found;
}

function child(element: Element): Element {
  return whole(element.content);
}
