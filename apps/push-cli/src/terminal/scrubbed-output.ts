import { secretsInName } from '@slipway/client/program';
import type { OutputStream } from '../command-context.ts';

/** Shorter ones would riddle every text, and hide nothing. */
const minLength = 4;

/** What was typed and must not be printed: passwords before the host of a name. */
export function secretsInArguments(args: readonly string[]): readonly string[] {
  return args.flatMap((arg) => [...secretsInName(arg), ...secretsInName(arg.replace(/^--?[\w-]+=/, ''))]);
}

/**
 * The passwords in the addresses of proxies, also where a `#` or `?` that was not escaped breaks the address in two.
 */
export function secretsInProxies(variables: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(variables).flatMap(([name, value]) => {
    if (!/^(?:https?|all)_proxy$/i.test(name) || value === undefined) return [];
    const address = value.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '');
    const [, user = '', password] = /^([^:]*):(.*)@[^@]*$/s.exec(address) ?? [];
    if (password === undefined) return [];
    const [first = ''] = password.split(/[#?/]/);
    // Without the rest, an address that is broken shows `user:first` as a host and its port.
    const broken = first === password ? [] : [`${user}:${first}`];
    return [password, decoded(password), ...broken];
  });
}

/** The stream with secrets taken out of every text, in any letter case, percent-encoded and in base64 too. */
export function scrubbedOutput<Stream extends OutputStream>(stream: Stream, secrets: readonly string[]): Stream {
  const patterns = [...new Set(secrets.filter(({ length }) => length >= minLength).flatMap(formsOf))]
    .sort((a, b) => b.length - a.length)
    .map(patternOf);
  if (patterns.length === 0) return stream;
  const scrub = (text: string): string => patterns.reduce((rest, pattern) => rest.replace(pattern, '***'), text);
  return new Proxy(stream, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      if (property !== 'write' && property !== 'end') return value.bind(target);
      return (chunk: unknown, ...rest: unknown[]) =>
        value.call(target, typeof chunk === 'string' ? scrub(chunk) : chunk, ...rest);
    },
  });
}

/** A secret that is a word of letters hides words, not parts of others: `pass` leaves `--password-stdin` readable. */
function patternOf(form: string): RegExp {
  const isWord = /^[a-z]+$/i.test(form);
  return new RegExp(isWord ? `(?<![a-z])${form}(?![a-z])` : escapeRegExp(form), 'gi');
}

function formsOf(secret: string): readonly string[] {
  const encoded = Buffer.from(secret, 'utf8').toString('base64').replace(/=+$/, '');
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), encoded];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
