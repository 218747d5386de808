import { matchesPattern, parseScope, type Scope } from '../scope.ts';

/** Who gets which scopes: an identity for which every condition holds. */
export interface Rule {
  /** By the name of a claim or of a certificate's field: patterns, one of which one of its values has to fit. */
  readonly when: ReadonlyMap<string, readonly string[]>;
  /** With `{name}` in the place of a value. */
  readonly scopes: readonly string[];
}

/** The values that an identity has under a name; none when it has no such claim or field. */
export type ValuesOf = (name: string) => readonly string[];

/** Scopes that an identity may have, whatever its rules make of it. */
const maxScopes = 100;
const placeholder = /\{([^{}]+)\}/;
/** What a repository's path may be: a value that is anything else gives no scope, as it could widen a pattern. */
const safeValue = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/;
const maxValueChars = 200;

/**
 * Reads `{ "when": { "repository": "acme/*" }, "scopes": ["push:ghcr.io/{repository}"] }`. A condition is a pattern as
 * in scopes, or a list of which one has to fit.
 *
 * @param fields what may be asked for; anything when undefined
 * @throws {RangeError} which says what is wrong with it
 */
export function parseRule(document: unknown, fields?: readonly string[]): Rule {
  const { when, scopes, ...others } = asObject(document, 'a rule');
  const [other] = Object.keys(others);
  if (other !== undefined) throw new RangeError(`a rule has "when" and "scopes", and no ${JSON.stringify(other)}`);
  const conditions = Object.entries(asObject(when, '"when"'));
  if (conditions.length === 0)
    throw new RangeError('"when" has to name a condition: without one, a rule fits everybody');
  const assertField = (name: string): void => {
    if (fields === undefined || fields.includes(name)) return;
    throw new RangeError(`there is no ${JSON.stringify(name)}: expected ${fields.join(', ')}`);
  };
  for (const [name] of conditions) assertField(name);
  const templates = asTexts(scopes, '"scopes"');
  for (const template of templates) {
    for (const [, name = ''] of template.matchAll(new RegExp(placeholder, 'g'))) assertField(name);
    try {
      parseScope(template.replaceAll(new RegExp(placeholder, 'g'), 'value'));
    } catch {
      throw new RangeError(
        `${JSON.stringify(template)} is no scope: expected admin, read, load, tag, jobs, or KIND:REGISTRY/PATTERN`,
      );
    }
  }
  return {
    when: new Map(conditions.map(([name, patterns]) => [name, asTexts(patterns, JSON.stringify(name))])),
    scopes: templates,
  };
}

/** The scopes of all rules that fit an identity, each once. */
export function scopesByRules(rules: readonly Rule[], valuesOf: ValuesOf): readonly Scope[] {
  const texts = rules.filter((rule) => fits(rule, valuesOf)).flatMap(({ scopes }) => scopes.flatMap(expanded));
  return [...new Set(texts)].slice(0, maxScopes).map(parseScope);

  function expanded(template: string): readonly string[] {
    const [whole, name] = placeholder.exec(template) ?? [];
    if (whole === undefined || name === undefined) return [template];
    const values = valuesOf(name)
      .map((value) => value.toLowerCase())
      .filter((value) => value.length <= maxValueChars && safeValue.test(value))
      .slice(0, maxScopes);
    return values.flatMap((value) => expanded(template.replaceAll(whole, value))).filter(isScope);
  }
}

function fits({ when }: Rule, valuesOf: ValuesOf): boolean {
  return [...when].every(([name, patterns]) =>
    valuesOf(name).some((value) => patterns.some((pattern) => matchesPattern(pattern, value))),
  );
}

/** Values may make a pattern too long. */
function isScope(text: string): boolean {
  try {
    parseScope(text.replaceAll(new RegExp(placeholder, 'g'), 'value'));
    return true;
  } catch {
    return false;
  }
}

function asObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new RangeError(`${what} has to be a JSON object`);
}

function asTexts(value: unknown, what: string): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (texts.length > 0 && texts.every((text) => typeof text === 'string' && text !== '')) return texts as string[];
  throw new RangeError(`${what} has to be a text, or a list of texts`);
}
