import { RegistryError } from '../../errors.ts';
import type { AddressBook } from '../connection/address-book.ts';
import { redactURL } from './redact-url.ts';

/** Where a registry may send its client, with a redirect or with the location of an upload. */
export class RedirectPolicy {
  readonly #addresses: AddressBook;

  constructor(addresses: AddressBook) {
    this.#addresses = addresses;
  }

  /**
   * Lets `target` pass, or explains why not: leaving https for http would show the content to anybody on the way, a
   * public registry has no business with addresses inside the client's network, and nobody with what answers on the
   * link itself.
   *
   * @throws {RegistryError} `ERR_REGISTRY_REDIRECT_REFUSED`
   */
  async check(from: URL, target: URL): Promise<void> {
    if (target.origin === from.origin) return;
    if (from.protocol === 'https:' && target.protocol === 'http:') {
      throw refused(from, target, 'it leaves https for http', "set the registry's external address to https");
    }
    if (target.hostname === from.hostname) return;
    await this.checkLinkLocal(from, target);
    if ((await this.#addresses.kindOf(target.hostname)) === 'public') return;
    if ((await this.#addresses.kindOf(from.hostname)) === 'public') {
      throw refused(from, target, 'it leads from a public to a private address', undefined);
    }
  }

  /**
   * Whoever gets a body gets the credentials in it, too: it goes to no other origin.
   *
   * @throws {RegistryError} `ERR_REGISTRY_REDIRECT_REFUSED`
   */
  checkBody(from: URL, target: URL, bodySecrets: readonly string[] = []): void {
    if (target.origin === from.origin || bodySecrets.length === 0) return;
    const hint = 'a server that issues tokens takes credentials itself: see which realm the registry names';
    throw refused(from, target, 'credentials would go to another server', hint);
  }

  /**
   * What holds for every URL that a registry names, a token server's too.
   *
   * @throws {RegistryError} `ERR_REGISTRY_REDIRECT_REFUSED`
   */
  async checkLinkLocal(from: URL, target: URL): Promise<void> {
    if (target.hostname === from.hostname || (await this.#addresses.kindOf(target.hostname)) !== 'link-local') return;
    throw refused(from, target, 'it leads to a link-local address', undefined);
  }
}

function refused(from: URL, target: URL, why: string, hint: string | undefined): RegistryError {
  return new RegistryError(`${redactURL(from)} leads to ${redactURL(target)}, which is refused because ${why}`, {
    code: 'ERR_REGISTRY_REDIRECT_REFUSED',
    hint,
  });
}
