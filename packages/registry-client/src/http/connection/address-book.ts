import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { RegistryError } from '../../errors.ts';
import { isLoopbackName } from '../../options.ts';
import { kindOfAddress } from './address-kinds.ts';

/** Addresses of a host name. Rejects or is empty where it has none. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

/** Where a host is, as far as a redirect is concerned; the strictest of its addresses counts. */
export type HostKind = 'public' | 'private' | 'link-local';

/**
 * The addresses of host names: looked up once, so that the address that was judged is the one that is connected to. A
 * name that answers differently the second time (DNS rebinding) gains nothing by it.
 */
export class AddressBook {
  readonly #lookup: Lookup;
  readonly #known = new Map<string, Promise<readonly string[]>>();
  /** Names that were let pass as public ones, and have to stay that. */
  readonly #public = new Set<string>();

  constructor(lookup: Lookup = lookupAll) {
    this.#lookup = lookup;
  }

  /**
   * What decides whether a redirect may lead to a host. A name that cannot be resolved here is a proxy's business, and
   * public.
   */
  async kindOf(hostname: string): Promise<HostKind> {
    const literal = hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(literal) !== 0) return kindOfAddress(literal);
    if (isLoopbackName(hostname)) return 'private';
    const kind = strictest(await this.addresses(hostname).catch(() => []));
    if (kind === 'public') this.#public.add(hostname);
    return kind;
  }

  /**
   * The addresses of a name.
   *
   * @throws {RegistryError} `ERR_REGISTRY_REDIRECT_REFUSED` when the name was public before and is not any more
   */
  async addresses(hostname: string): Promise<readonly string[]> {
    const known = this.#known.get(hostname) ?? this.#lookup(hostname);
    this.#known.set(hostname, known);
    const found = await known.catch((error: unknown) => {
      this.forget(hostname, known);
      throw error;
    });
    if (this.#public.has(hostname) && strictest(found) !== 'public') {
      throw new RegistryError(`${hostname} had a public address before and has a private one now: refused`, {
        code: 'ERR_REGISTRY_REDIRECT_REFUSED',
      });
    }
    return found;
  }

  /** Has a name looked up again by whoever asks next: nothing answers where it led. */
  forget(hostname: string, known: Promise<readonly string[]> | undefined = this.#known.get(hostname)): void {
    if (this.#known.get(hostname) === known) this.#known.delete(hostname);
  }

  /** For `net.connect`. */
  readonly connectLookup: LookupFunction = (hostname, options, callback) => {
    this.addresses(hostname).then(
      (addresses) => {
        const family = options.family === 'IPv4' ? 4 : options.family === 'IPv6' ? 6 : (options.family ?? 0);
        const found = addresses
          .map((address) => ({ address, family: isIP(address) }))
          .filter((entry) => entry.family !== 0 && (family === 0 || entry.family === family));
        const [first] = found;
        if (first === undefined) {
          const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND', hostname });
          return callback(error, '', 0);
        }
        if (options.all === true) callback(null, found);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, '', 0),
    );
  };
}

function strictest(addresses: readonly string[]): HostKind {
  const kinds = addresses.map(kindOfAddress);
  return kinds.includes('link-local') ? 'link-local' : kinds.includes('private') ? 'private' : 'public';
}

async function lookupAll(hostname: string): Promise<readonly string[]> {
  const found = await systemLookup(hostname, { all: true });
  return found.map(({ address }) => address);
}
