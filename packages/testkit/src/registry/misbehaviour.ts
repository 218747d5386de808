import type { RequestKind, Route } from './route.ts';

/** Which requests a rule is about. Every field given must agree; an empty match agrees with everything. */
export interface RequestMatch {
  readonly method?: string | undefined;
  readonly kind?: RequestKind | readonly RequestKind[] | undefined;
  /** A prefix of the path, or an expression tried on path and query. */
  readonly path?: string | RegExp | undefined;
  readonly repository?: string | undefined;
}

/**
 * What the registry does wrong, and when. Several deeds may stand in one rule; of several rules that match a request,
 * the oldest that is not used up acts alone.
 */
export interface Misbehaviour {
  readonly match?: RequestMatch | undefined;
  /** Matching requests that are treated well first. @default 0 */
  readonly after?: number | undefined;
  /** Requests to treat badly. @default all */
  readonly times?: number | undefined;

  /** Waits so many milliseconds before it reads the request's body. */
  readonly delayMs?: number | undefined;
  /** Does the work, then waits so many milliseconds before it answers. */
  readonly delayAnswerMs?: number | undefined;
  /** Resets the connection as soon as the request's head was read. */
  readonly reset?: boolean | undefined;
  /** Never reads on and never answers, until the client leaves or the registry ends. */
  readonly stall?: boolean | undefined;
  /** Says `102 Processing` again and again, so many milliseconds apart, and never answers. */
  readonly interimEveryMs?: number | undefined;
  /** Destroys the connection once so many bytes of the body were taken and kept. A shorter body is treated well. */
  readonly dropAfter?: number | undefined;
  /** Does the work, then destroys the connection instead of answering. */
  readonly dropResponse?: boolean | undefined;

  /** Answers with this status and does no work. */
  readonly status?: number | undefined;
  /**
   * Body for {@link status}: a text is sent as HTML or plain text, an object as JSON.
   * @default an error body that fits the status
   */
  readonly body?: string | object | undefined;
  /** Headers added to the answer, or put in place of its own. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Reads the whole body before it answers with {@link status}. @default false, as registries do */
  readonly readFirst?: boolean | undefined;

  /** Headers left out of the answer, in any case: `docker-content-digest`, `range`, `location`, `content-length`. */
  readonly omitHeaders?: readonly string[] | undefined;
  /** Sends a `Docker-Content-Digest` that belongs to nothing. */
  readonly wrongDigest?: boolean | undefined;
  /**
   * Rewrites the Location: an origin (`http://127.0.0.1:1`) in place of the registry's, or a function of the right URL.
   */
  readonly moveLocation?: string | ((location: URL) => string) | undefined;
  /** Sends so many bytes of the answer's body, then destroys the connection. */
  readonly truncateAfter?: number | undefined;
  /** Sends the answer's body a few bytes at a time. */
  readonly drip?: { readonly bytes: number; readonly everyMs: number } | undefined;
}

/** A rule at work. */
export interface MisbehaviourHandle extends Disposable {
  /** Requests treated badly so far. */
  readonly hits: number;
  /** Ends the rule. Disposing does the same. */
  remove(): void;
}

/** The rules of one registry, oldest first. */
export class MisbehaviourRules {
  readonly #rules = new Set<ActiveRule>();

  add(rule: Misbehaviour): MisbehaviourHandle {
    const active = { rule, seen: 0, hits: 0 };
    this.#rules.add(active);
    const remove = (): void => void this.#rules.delete(active);
    return {
      get hits() {
        return active.hits;
      },
      remove,
      [Symbol.dispose]: remove,
    };
  }

  /** The rule that a request falls under, if any. Counts it. */
  apply(method: string, url: URL, route: Route): Misbehaviour {
    for (const active of this.#rules) {
      const { match = {}, after = 0, times = Number.POSITIVE_INFINITY } = active.rule;
      if (!agrees(match, method, url, route)) continue;
      active.seen += 1;
      if (active.seen <= after || active.hits >= times) continue;
      active.hits += 1;
      return active.rule;
    }
    return {};
  }
}

interface ActiveRule {
  readonly rule: Misbehaviour;
  seen: number;
  hits: number;
}

function agrees({ method, kind, path, repository }: RequestMatch, asked: string, url: URL, route: Route): boolean {
  if (method !== undefined && method.toUpperCase() !== asked) return false;
  if (repository !== undefined && repository !== route.repository) return false;
  if (typeof kind === 'string' && kind !== route.kind) return false;
  if (Array.isArray(kind) && !kind.includes(route.kind)) return false;
  if (typeof path === 'string' && !url.pathname.startsWith(path)) return false;
  return !(path instanceof RegExp) || path.test(url.pathname + url.search);
}
