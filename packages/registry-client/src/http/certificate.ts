import { isIP } from 'node:net';
import { connect, type PeerCertificate } from 'node:tls';

/**
 * Describes the certificate that a host shows, to explain why it was refused. Nothing is sent, and nothing is trusted.
 * Undefined when the host shows none in time.
 */
export async function describeCertificate(
  url: URL,
  servername: string | undefined,
  timeoutMs: number,
): Promise<string | undefined> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const name = servername ?? (isIP(host) === 0 ? host : undefined);
  const certificate = await new Promise<PeerCertificate | undefined>((resolve) => {
    const socket = connect({
      host,
      port: url.port === '' ? 443 : Number(url.port),
      ...(name !== undefined && { servername: name }),
      rejectUnauthorized: false, // the certificate is looked at because it is not valid
      timeout: timeoutMs,
    });
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.once('timeout', () => socket.destroy());
    socket.on('error', () => {}); // 'close' follows
    socket.once('close', () => resolve(undefined));
  });
  return certificate?.subject === undefined ? undefined : describe(certificate);
}

function describe({ subject, subjectaltname, issuer, valid_from, valid_to }: PeerCertificate): string {
  const issuedBy = nameOf(issuer) === nameOf(subject) ? 'by itself' : `by ${nameOf(issuer)}`;
  const names = subjectaltname === undefined ? '' : ` for ${abridged(subjectaltname)}`;
  return `the certificate of ${nameOf(subject)}${names}, issued ${issuedBy}, is valid from ${abridged(valid_from)} to ${abridged(valid_to)}`;
}

function nameOf(name: PeerCertificate['subject']): string {
  return JSON.stringify(abridged(String(name.CN ?? name.O ?? '')));
}

/** Whoever made the certificate chose these texts. */
function abridged(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}
