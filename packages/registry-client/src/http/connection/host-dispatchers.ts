import type { Dispatcher } from 'undici/index.js';
import type { ResolvedRegistryOptions, TLSOptions } from '../../options.ts';

export interface HostDispatchersOptions extends Pick<ResolvedRegistryOptions, 'url' | 'tls' | 'connectTo'> {
  readonly make: (tls: TLSOptions) => Dispatcher;
}

/** The ways of one client: to its registry, and to each other host that has certificates of its own. */
export class HostDispatchers {
  readonly #options: HostDispatchersOptions;
  readonly #usual: Dispatcher;
  readonly #others = new Map<string, Promise<Dispatcher>>();

  constructor(options: HostDispatchersOptions) {
    this.#options = options;
    this.#usual = options.make(options.tls);
  }

  /** @throws what reading the certificates of that host throws */
  async to({ protocol, host }: URL): Promise<Dispatcher> {
    const { url, connectTo } = this.#options;
    if (connectTo === undefined || protocol !== 'https:' || host === url.host) return this.#usual;
    const known = this.#others.get(host);
    if (known !== undefined) return await known;
    const found = this.#find(host, connectTo);
    this.#others.set(host, found);
    found.catch(() => this.#others.delete(host));
    return await found;
  }

  async destroy(): Promise<void> {
    const others = await Promise.allSettled(this.#others.values());
    const opened = others.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    await Promise.all([...new Set([this.#usual, ...opened])].map((dispatcher) => dispatcher.destroy()));
  }

  async #find(host: string, connectTo: NonNullable<HostDispatchersOptions['connectTo']>): Promise<Dispatcher> {
    const tls = await connectTo(host);
    return tls === undefined ? this.#usual : this.#options.make(tls);
  }
}
