import type { RegistryError } from '@slipway/registry-client';

const authority =
  'put the certificate of its authority as ca.crt into its folder of `cert-dir`, or name the registry ' +
  'with `insecure-registry`';
const clientCertificate =
  'put a client certificate as x.cert and its key as x.key into the registry’s folder of `cert-dir`';

/**
 * What settings of the daemon help where a registry could not be talked to at all; undefined where none does, and the
 * hint of the error itself is the best there is.
 */
export function registryHint({ reason, message }: RegistryError): string | undefined {
  if (reason === 'https-expected') return 'the registry expects https: take it out of `insecure-registry`';
  if (reason === 'ECONNREFUSED') return 'nothing listens there: check the name and the port, and that it runs';
  if (reason !== 'tls') return undefined;
  if (/does not speak TLS/.test(message)) return 'to talk plain http to the registry, name it with `insecure-registry`';
  if (/client certificate/.test(message)) return clientCertificate;
  return /certificate/i.test(message) ? authority : undefined;
}
