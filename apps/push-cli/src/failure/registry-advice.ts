import type { RegistryFacts } from '@slipway/client';
import type { Diagnostic, RegistryError } from '@slipway/registry-client';
import { refusedCredentialsAdvice, whereOf } from './credential-advice.ts';
import { hintFor } from './hints.ts';

/** What to do; null when the failure has said all there is to say; undefined when nothing is known of it here. */
export type Advice = string | null | undefined;

const clientCertificate =
  'put the client certificate as x.cert and its key as x.key into the registry’s folder of certs.d, or into --cert-dir';

/** What to do about what a registry answered, or did not: it follows the registry's words before the status. */
export function registryAdvice(error: RegistryError, facts: RegistryFacts | undefined): Advice {
  // Whatever answered, it may not have been the registry.
  if (/the proxy /.test(error.message))
    return error.hint ?? 'check the proxy, or name the registry in NO_PROXY to reach it directly';
  // It follows who answered: no account, name or scheme of this machine's changes that.
  if (error.reason !== undefined && othersReasons.has(error.reason)) return error.hint;
  if (error.status === 431)
    return (
      'what is shown to the registry is longer than it, or a proxy before it, takes: try an account of fewer ' +
      'groups, or have the limit raised (nginx: large_client_header_buffers)'
    );
  if (error.reason === 'https-expected') return httpsAdvice(error);
  if (/No required SSL certificate|SSL certificate error/i.test(error.message)) return clientCertificate;
  if (error.status === 415 && / \S+\/manifests\/\S+ answered/.test(error.message))
    return (
      'the registry does not take this kind of manifest: --format oci or --format docker makes the other ' +
      'kind of it'
    );
  switch (error.code) {
    case 'ERR_REGISTRY_UNAUTHORIZED':
      return facts === undefined ? undefined : refusedCredentialsAdvice(facts);
    case 'ERR_REGISTRY_DENIED':
      return deniedAdvice(error, facts);
    case 'ERR_REGISTRY_NOT_FOUND':
      return notFoundAdvice(error);
    case 'ERR_REGISTRY_UNREACHABLE':
      return / http:\/\//.test(error.message) && !isNamed(error.reason)
        ? 'check the registry’s name and port, and the network'
        : undefined;
    default:
      return undefined;
  }
}

/**
 * Where https was tried first, its failure is the one that is told: a registry that was asked over http was so because
 * of the flag. Token servers and storage are asked at the address that the registry gives.
 */
function httpsAdvice({ message }: RegistryError): Advice {
  return / http:\/\/[^/ ]+\/v[12]\//.test(message)
    ? 'the registry expects https: leave out --plain-http'
    : 'what the registry leads to expects https: its owner must give the address with https:';
}

/** Reasons whose hint says all: a storage or a web page answered, or an unknown kind of credentials is wanted. */
const othersReasons: ReadonlySet<string> = new Set(['unknown-scheme', 'storage', 'web-page']);

/** Reasons that have advice of their own. */
function isNamed(reason: string | undefined): boolean {
  return reason !== undefined && hintFor(reason) !== undefined;
}

/** What to do about TLS, by the code of what the network threw, and its words where a code is missing. */
export function tlsAdvice(code: string, words = ''): string | undefined {
  if (Object.hasOwn(tlsHints, code)) return tlsHints[code];
  if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA/.test(code)) return clientCertificate;
  if (/certificate required|handshake failure|bad certificate/i.test(words)) return clientCertificate;
  if (/wrong version number|packet length too long|unknown protocol|http request/i.test(words)) return plain;
  if (/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW/.test(code)) {
    return 'the registry’s owner must turn on TLS 1.2 or 1.3';
  }
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH|HTTP_REQUEST|UNKNOWN_PROTOCOL/.test(code)) return plain;
  // The other ways in which OpenSSL does not trust a certificate.
  return /^(?:UNABLE_TO_|CERT_|INVALID_|PATH_LENGTH)/.test(code) ? authority : undefined;
}

const plain = 'the registry seems to speak plain http on this port: --plain-http talks to it without TLS';
const authority =
  'put the authority’s certificate as ca.crt into the registry’s folder of certs.d, or into ' +
  '--cert-dir; or pass --insecure to trust the registry as it is';

const tlsHints: Readonly<Record<string, string>> = Object.freeze({
  CLIENT_CERTIFICATE_WANTED: clientCertificate,
  CERT_HAS_EXPIRED: 'the registry’s owner must renew it, unless this machine’s clock is wrong',
  CERT_NOT_YET_VALID: 'set this machine’s clock, or wait',
  CERT_REVOKED: 'the registry’s owner must renew it',
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'put it as ca.crt into the registry’s folder of certs.d, or into --cert-dir; or pass --insecure to ' +
    'trust the registry as it is',
  SELF_SIGNED_CERT_IN_CHAIN: authority,
  UNABLE_TO_GET_ISSUER_CERT: authority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: authority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${authority}; the registry’s owner can let it send its whole chain`,
  ERR_TLS_CERT_ALTNAME_INVALID: 'use a name that the certificate is for, or --insecure',
});

/**
 * Whether the account may is not always the question: quotas, scanners and read-only modes answer 403 too, and say why.
 */
function deniedAdvice(error: RegistryError, facts: RegistryFacts | undefined): Advice {
  const hasReason = reasonIn(error) !== undefined;
  if (facts === undefined) return hasReason ? null : undefined;
  const { registry, credentials, wasAsked } = facts;
  const { found } = credentials;
  if (found !== undefined && !wasAsked) return refusedCredentialsAdvice(facts);
  if (hasReason) return null;
  if (isPage(wordsOf(error)))
    return `no registry answers with a page: a firewall or proxy before ${registry} may refuse this`;
  if (found === undefined) return refusedCredentialsAdvice(facts);
  const who = found.username === undefined ? 'the account' : JSON.stringify(found.username);
  return (
    `${who}, whose credentials are ${whereOf(found)}, may lack the right to push there, or the ` +
    'repository does not exist: ask its owner, or log in as somebody else with `slipway login ' +
    `${registry}\``
  );
}

function notFoundAdvice({ diagnostics, message }: RegistryError): Advice {
  if (diagnostics.some(({ code }) => /BLOB_UNKNOWN$/.test(code))) {
    return 'the registry lacks content that it had, or had just been sent: run the command again';
  }
  return /\/v2\//.test(message) ? undefined : null; // it is the token server that lacks something, not the registry
}

/** What registries say of a refusal that has no reason of its own. */
const usualPhrases: readonly string[] = [
  'requested access to the resource is denied',
  'authentication required',
  'access (?:to the resource )?(?:is )?denied',
  '(?:permission |pull )?denied',
  '(?:403 )?forbidden',
  '(?:401 )?unauthorized',
  'unknown(?: error)?',
  'insufficient[_ ]scope',
  'no',
  '<nil>',
  '',
];
const usualWords = new RegExp(`^(?:${usualPhrases.join('|')})\\.?$`, 'i');

/** The registry's reason for a refusal, where it gives one beyond what the status says. */
export function reasonIn({ diagnostics, message }: RegistryError): string | undefined {
  if (diagnostics.length > 0) return diagnostics.map(reasonOf).find((reason) => reason !== undefined);
  const words = wordsOf({ message });
  return isReason(words) ? words.trim() : undefined;
}

/** What stands after the status. */
function wordsOf({ message }: Pick<RegistryError, 'message'>): string {
  return / answered \d{3}: (.*)$/s.exec(message)?.[1] ?? '';
}

function reasonOf({ message, detail }: Diagnostic): string | undefined {
  if (isReason(message)) return message.trim();
  return typeof detail === 'string' && isReason(detail) ? detail.trim() : undefined;
}

function isReason(words: string): boolean {
  return !isPage(words) && !usualWords.test(words.trim());
}

/** The title of an error page says no more than the status. */
function isPage(words: string): boolean {
  return /^\s*<|HTML page/i.test(words);
}
