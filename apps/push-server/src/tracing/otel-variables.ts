/** The environment of a process. */
export type OtelVariables = Readonly<Record<string, string | undefined>>;

/** Variables, and what is wrong with them: sentences that name a variable, and no value that may be secret. */
export interface Reading {
  readonly variables: OtelVariables;
  readonly faults: string[];
}

/** Whether a text is one of several. */
export function isKeyOf<T extends string>(choices: readonly T[], value: string): value is T {
  return (choices as readonly string[]).includes(value);
}

/** What a list names, each once; undefined where it is empty. */
export function listIn<T extends string>(
  { variables, faults }: Reading,
  name: string,
  choices: readonly T[],
): readonly T[] | undefined {
  const asked = (variables[name] ?? '').split(',').map((each) => each.trim());
  const named = [...new Set(asked.filter((each) => each !== ''))];
  for (const each of named) {
    if (!isKeyOf(choices, each))
      faults.push(`${name}: expected ${choices.join(', ')}, got ${JSON.stringify(each.slice(0, 64))}`);
  }
  return named.length === 0 ? undefined : named.filter((each) => isKeyOf(choices, each));
}

/** A number within limits; undefined where there is none. */
export function numberIn(
  { variables, faults }: Reading,
  name: string,
  { min, max, isWhole = false }: { readonly min: number; readonly max: number; readonly isWhole?: boolean },
): number | undefined {
  const text = variables[name]?.trim();
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (/^[0-9.e+-]+$/i.test(text) && value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value;
  const range = isWhole ? `a whole number from ${min} on` : `a number from ${min} to ${max}`;
  faults.push(`${name}: expected ${range}, got ${JSON.stringify(text.slice(0, 64))}`);
  return undefined;
}

/** The address of a collector. */
export function urlIn({ variables, faults }: Reading, name: string): string | undefined {
  const text = variables[name]?.trim();
  if (text === undefined || text === '') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    faults.push(`${name}: expected http://HOST:PORT or https://HOST:PORT`);
    return undefined;
  }
  if (url.username === '' && url.password === '') return text;
  faults.push(`${name}: credentials do not belong into an address: use OTEL_EXPORTER_OTLP_HEADERS`);
  return undefined;
}

/** `name=value,other=value`, percent-encoded. */
export function pairsIn(
  { variables, faults }: Reading,
  name: string,
  kind: 'attribute' | 'header' = 'attribute',
): Readonly<Record<string, string>> {
  const parts = (variables[name] ?? '').split(',').filter((part) => part.trim() !== '');
  const pairs = parts.map((part) => {
    const at = part.indexOf('=');
    const [key, value] = [part.slice(0, at), part.slice(at + 1)].map((text) => decoded(text.trim()));
    const isName = kind === 'header' ? /^[\w!#$%&'*+.^`|~-]+$/ : /^[\x21-\x7e]+$/;
    if (at > 0 && key !== undefined && isName.test(key) && value !== undefined && isValue(value, kind)) {
      return [kind === 'header' ? key.toLowerCase() : key, value] as const;
    }
    return undefined;
  });
  if (pairs.includes(undefined)) faults.push(`${name}: expected NAME=VALUE,NAME=VALUE with percent-encoded values`);
  return Object.fromEntries(pairs.filter((pair) => pair !== undefined));
}

function isValue(value: string, kind: 'attribute' | 'header'): boolean {
  return kind === 'attribute' || /^[\x20-\x7e]*$/.test(value);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
