import { describeTLS } from '@slipway/registry-client/tls';
import { type Check, notReached, type Scene } from './check.ts';

/**
 * The folders of certificates, after TLS itself, which may not be spoken: which one counts for the registry, what it
 * adds, what is left out of account.
 */
export const checkCertificates: Check = {
  name: 'certificates',
  async run(scene: Scene) {
    const { target, options, context, endpoints, warn } = scene;
    if (target === undefined) return notReached(scene);
    if (scene.speaksNoTLS || !endpoints.some(({ url }) => url.protocol === 'https:'))
      return { status: 'skipped', summary: 'no TLS is used' };
    const { variables, homeFolder } = context.environment;
    const { folder, authorities, client, skipped } = await describeTLS(target.registry, {
      env: variables,
      homeFolder,
      certFolder: options.certDir,
      isInsecure: endpoints[0]?.insecureTls,
    });
    for (const error of skipped) warn(error.message);
    const trusted = ['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS'].filter((name) => variables[name]);
    const parts = [
      folder === undefined ? 'no folder of certs.d for this registry' : folder,
      ...(authorities > 0 ? [`${authorities} ${authorities === 1 ? 'authority' : 'authorities'}`] : []),
      ...(client === undefined ? [] : [`client certificate ${client}`]),
    ];
    return {
      status: 'ok',
      summary: parts.join(', '),
      notes: trusted.map((name) => `${name}: ${variables[name]}`),
      facts: { folder, authorities, client, skipped: skipped.map(({ message }) => message), variables: trusted },
    };
  },
};
