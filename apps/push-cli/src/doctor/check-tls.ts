import { proxyFor } from '@slipway/registry-client/proxy';
import { type CertificateSummary, inspectTLS, loadTLSOptions } from '@slipway/registry-client/tls';
import { tlsAdvice } from '../failure/registry-advice.ts';
import { type Check, type Finding, notReached } from './check.ts';

const warnDays = 14;
const dayMs = 24 * 60 * 60 * 1000;

/** The certificates that the registry sends: for whom, from whom, until when, and whether they are trusted. */
export const checkTLS: Check = {
  name: 'tls',
  async run(scene) {
    const { target, endpoints, proxies, options, context } = scene;
    if (target === undefined) return notReached(scene);
    const endpoint = endpoints.find(({ url }) => url.protocol === 'https:');
    if (endpoint === undefined) return { status: 'skipped', summary: 'no TLS is used' };
    if (proxyFor(endpoint.url, proxies) !== undefined) {
      return { status: 'skipped', summary: 'behind a proxy the certificate is looked at when the registry is asked' };
    }
    const { variables, homeFolder } = context.environment;
    const tls = await loadTLSOptions(target.registry, { env: variables, homeFolder, certFolder: options.certDir });
    const inspection = await inspectTLS(endpoint.url, { tls, signal: context.signal });
    if (inspection.kind === 'failed') {
      const mayBePlain = endpoints.some(({ url }) => url.protocol === 'http:');
      scene.speaksNoTLS = mayBePlain && /does not speak TLS/.test(inspection.message);
      const summary = mayBePlain ? `${inspection.message}; plain http is tried next` : inspection.message;
      return { status: 'skipped', summary, facts: { code: inspection.code } };
    }
    const { protocol, problem, why, chain } = inspection;
    const facts = { protocol, problem, chain, client: tls.cert !== undefined };
    const notes = chain.map(certificateNote);
    if (problem === undefined) return { ...expiry(chain[0], protocol, Date.now()), notes, facts };
    const summary = `${protocol}, but the certificate ${why}`;
    if (endpoint.insecureTls) {
      const reason = options.insecure === true ? 'by --insecure' : 'as any registry on this machine is';
      return { status: 'warning', summary: `${summary}; it is taken all the same, ${reason}`, notes, facts };
    }
    const error = Object.assign(new Error(summary), { code: 'ERR_REGISTRY_UNREACHABLE' });
    return { status: 'problem', summary, notes, facts, advice: tlsAdvice(problem), error };
  },
};

function expiry(own: CertificateSummary | undefined, protocol: string, now: number): Finding {
  const until = own?.validTo.slice(0, 10);
  const days = own === undefined ? Number.POSITIVE_INFINITY : Math.floor((Date.parse(own.validTo) - now) / dayMs);
  if (days >= warnDays) return { status: 'ok', summary: `${protocol}, trusted, until ${until}` };
  return {
    status: 'warning',
    summary: `${protocol}, trusted, but only until ${until}`,
    advice: 'the registry’s owner must renew the certificate soon',
  };
}

function certificateNote({ subject, issuer, validFrom, validTo, names }: CertificateSummary): string {
  const period = `${validFrom.slice(0, 10)} to ${validTo.slice(0, 10)}`;
  return `${subject}, from ${issuer}, ${period}${names === undefined ? '' : `, for ${names}`}`;
}
