import { describe, expect, test } from 'vitest';
import { AddressBook } from '../connection/address-book.ts';
import { RedirectPolicy } from './redirect-policy.ts';

const names: Readonly<Record<string, readonly string[]>> = {
  'registry.example': ['93.184.216.34', '2606:2800:220:1::1'],
  'cdn.example': ['151.101.1.1'],
  'registry.corp': ['10.1.2.3'],
  'metadata.example': ['169.254.169.254'],
  'rebound.example': ['93.184.216.34', '192.168.1.1'],
};

function policy(): RedirectPolicy {
  const lookup = async (hostname: string): Promise<readonly string[]> => {
    const addresses = names[hostname];
    if (addresses === undefined) throw new Error('ENOTFOUND');
    return addresses;
  };
  return new RedirectPolicy(new AddressBook(lookup));
}

describe('a redirect', () => {
  test.each([
    ['to the same origin', 'https://registry.example/v2/', 'https://registry.example/other'],
    ['to another public host', 'https://registry.example/v2/', 'https://cdn.example/blob?sig=x'],
    ['from http to https', 'http://registry.example/v2/', 'https://registry.example/v2/'],
    ['from http to http', 'http://registry.example/v2/', 'http://cdn.example/'],
    ['to another port of the same link-local host', 'http://169.254.1.1:5000/', 'http://169.254.1.1:5001/'],
    ['to a public address, as NAT64 has it', 'https://registry.example/', 'https://[64:ff9b::5db8:d822]/'],
    ['to another port of the same host', 'https://127.0.0.1:5000/', 'https://127.0.0.1:5001/'],
    ['from a private name to a private address', 'https://registry.corp/v2/', 'https://10.9.9.9/minio'],
    ['from a loopback address to a private one', 'http://127.0.0.1:5000/', 'http://172.17.0.2/'],
    ['from localhost to a private address', 'http://localhost:5000/', 'http://10.0.0.1/'],
    ['from a private address to a public one', 'https://10.0.0.1/', 'https://cdn.example/'],
    ['to a name that only a proxy knows', 'https://registry.example/', 'https://storage.unknown/'],
    ['to a public IPv6 address', 'https://registry.example/', 'https://[2606:4700::1111]/'],
    ['to an address just outside the private ones', 'https://registry.example/', 'https://172.32.0.1/'],
  ])('%s passes', async (_, from, target) => {
    await expect(policy().check(new URL(from), new URL(target))).resolves.toBeUndefined();
  });

  test.each([
    ['from https to http', 'https://registry.example/v2/', 'http://registry.example/v2/'],
    ['from https to http elsewhere', 'https://registry.example/v2/', 'http://cdn.example/'],
    ['from https to http on loopback', 'https://127.0.0.1:5000/', 'http://127.0.0.1:5001/'],
    ['to loopback', 'https://registry.example/v2/', 'https://127.0.0.1/'],
    ['to localhost', 'https://registry.example/v2/', 'https://localhost:2375/'],
    ['to a subdomain of localhost', 'https://registry.example/v2/', 'https://app.localhost/'],
    ['to IPv6 loopback', 'https://registry.example/v2/', 'https://[::1]/'],
    ['to loopback mapped into IPv6', 'https://registry.example/v2/', 'https://[::ffff:127.0.0.1]/'],
    ['to loopback as one number', 'https://registry.example/v2/', 'https://2130706433/'],
    ['to this host', 'https://registry.example/v2/', 'https://0.0.0.0/'],
    ['to the metadata of a cloud', 'https://registry.example/v2/', 'https://169.254.169.254/latest'],
    ['to 10/8', 'https://registry.example/v2/', 'https://10.0.0.1/'],
    ['to 172.16/12', 'https://registry.example/v2/', 'https://172.31.255.255/'],
    ['to 192.168/16', 'https://registry.example/v2/', 'https://192.168.0.1/'],
    ['to a carrier’s inside', 'https://registry.example/v2/', 'https://100.64.0.1/'],
    ['to a unique local IPv6 address', 'https://registry.example/v2/', 'https://[fd00::1]/'],
    ['to a link-local IPv6 address', 'https://registry.example/v2/', 'https://[fe80::1]/'],
    ['from inside to the metadata of a cloud', 'http://10.0.0.1/v2/', 'http://169.254.169.254/latest'],
    ['from loopback to a link-local IPv6 address', 'http://127.0.0.1:5000/', 'http://[fe80::a9fe:a9fe]/'],
    ['from a private name to a name of a link-local address', 'https://registry.corp/v2/', 'https://metadata.example/'],
    ['to the metadata of a cloud, mapped into IPv6', 'https://registry.corp/v2/', 'https://[::ffff:169.254.169.254]/'],
    ['to the metadata of a cloud, as NAT64 has it', 'https://registry.corp/v2/', 'https://[64:ff9b::a9fe:a9fe]/'],
    ['from one link-local address to another', 'http://169.254.1.1/v2/', 'http://169.254.169.254/'],
    ['to a private address, as NAT64 has it', 'https://registry.example/v2/', 'https://[64:ff9b::10.0.0.1]/'],
    ['to a name of a private address', 'https://registry.example/v2/', 'https://registry.corp/'],
    ['to a name with one private address', 'https://registry.example/v2/', 'https://rebound.example/'],
  ])('%s is refused', async (_, from, target) => {
    await expect(policy().check(new URL(from), new URL(target))).rejects.toMatchObject({
      code: 'ERR_REGISTRY_REDIRECT_REFUSED',
    });
  });
});
