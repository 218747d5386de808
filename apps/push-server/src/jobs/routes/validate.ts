import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { RequestError } from '../../errors.ts';
import { jobSchemas, type Schema } from './job-schemas.ts';

const base = 'slipway:';
const shared = { strict: false, validateFormats: false } as const;
/** Bodies are what they are; what a URL says is text, and one of a list may stand alone. */
const instances = {
  body: new Ajv2020(shared),
  query: new Ajv2020({ ...shared, coerceTypes: 'array' }),
} as const;
for (const ajv of Object.values(instances)) ajv.addSchema({ $id: base, components: { schemas: jobSchemas } });

const compiled = new WeakMap<Schema, ValidateFunction>();

/**
 * The value, once it is sure that it is what the schema says. A query is read as the schema's types have it.
 *
 * @throws {RequestError} 400, which names the member; never its value, which may be a password
 */
export function validated<T>(kind: 'body' | 'query', schema: Schema, value: unknown): T {
  const known = compiled.get(schema);
  const check = known ?? instances[kind].compile({ $id: `${base}${compiledCount++}`, ...absoluteRefs(schema) });
  if (known === undefined) compiled.set(schema, check);
  if (check(value)) return value as T;
  const [error] = check.errors ?? [];
  const where = error?.instancePath ? `${kind}${error.instancePath}` : kind;
  const extra =
    error?.params && 'additionalProperty' in error.params
      ? `: ${String(error.params['additionalProperty']).slice(0, 64)}`
      : '';
  throw new RequestError(400, `invalid request: ${where} ${error?.message ?? 'is not as described'}${extra}`);
}

let compiledCount = 0;

function absoluteRefs(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', `"${base}#/components/`)) as Schema;
}
