/** Cookies a host may set; more are not kept. */
const maxCookies = 50;
const maxLength = 4096;

/** Cookies of one session, kept by host: v1 registries behind a balancer find the half-sent image by them. */
export class CookieJar {
  readonly #byHost = new Map<string, Map<string, string>>();

  /** Takes in the `Set-Cookie` lines of an answer. */
  store(url: URL, lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';');
      const equals = pair.indexOf('=');
      if (equals < 1 || pair.length > maxLength) continue;
      const name = pair.slice(0, equals).trim();
      const cookies = this.#byHost.get(url.host) ?? new Map<string, string>();
      this.#byHost.set(url.host, cookies);
      if (attributes.some((attribute) => /^\s*max-age\s*=\s*(?:0|-\d+)\s*$/i.test(attribute))) cookies.delete(name);
      else if (cookies.has(name) || cookies.size < maxCookies) cookies.set(name, pair.slice(equals + 1).trim());
    }
  }

  /** The `Cookie` header of a request; undefined where the host has set none. */
  header(url: URL): string | undefined {
    const cookies = this.#byHost.get(url.host);
    if (cookies === undefined || cookies.size === 0) return undefined;
    return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}
