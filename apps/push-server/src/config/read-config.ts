import { FileRefusedError, readTextWithin } from '@slipway/read-file';
import { parseInsecureRegistries, parseNondistributableRegistries } from '@slipway/registry-client';
import { ServerError } from '../errors.ts';
import { formatListenAddress, parseListenAddress } from '../listeners/listen-address.ts';
import { createEgress, type Egress } from '../security/egress.ts';
import { parseIssuer } from '../security/oidc/issuer-documents.ts';
import { certificateFields } from '../security/rules/certificate-identity.ts';
import { parseRule } from '../security/rules/rule.ts';
import { type ServerConfig, settings } from './server-config.ts';
import type { Setting } from './settings.ts';
import { withoutComments } from './without-comments.ts';

/** Where settings come from. A flag beats a variable, a variable beats the file. */
export interface ConfigSources {
  /** Values by setting name, as the command line gave them. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** All variables of the environment. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Path of the configuration file: JSON, comments allowed. */
  readonly file: string | undefined;
}

const entries = Object.entries(settings) as readonly (readonly [keyof ServerConfig, Setting<unknown>])[];
const maxFileBytes = 1024 * 1024;
/** A service that hangs at its start says nothing of why; what stands behind `<(…)` may take its time. */
const writerWaitMs = 2_000;

/**
 * Reads, checks and combines all settings.
 *
 * @throws {ServerError} `ERR_SERVER_CONFIG`; its message lists every fault there is
 */
export async function readConfig({ flags, variables, file }: ConfigSources): Promise<ServerConfig> {
  const faults: string[] = [];
  const fromFile = file === undefined ? {} : await readConfigFile(file, faults);
  const config: Record<string, unknown> = {};
  const said = new Set<keyof ServerConfig>();
  for (const [key, setting] of entries) {
    const found = [
      { place: `--${setting.name}`, value: flags[setting.name] },
      { place: variableOf(setting), value: variables[variableOf(setting)] || undefined },
      { place: `${file}: ${JSON.stringify(setting.name)}`, value: fromFile[setting.name] },
    ].filter(({ value }) => value !== undefined);
    config[key] = setting.initial;
    if (found.length > 0) said.add(key);
    for (const { place, value } of found.toReversed()) {
      const read = setting.kind.read(value);
      if (read === undefined) {
        faults.push(`${place}: expected ${setting.kind.expected}, got ${JSON.stringify(value)}`);
      }
      config[key] = read ?? setting.initial;
    }
  }
  for (const name of Object.keys(variables)) {
    if (name.startsWith('SLIPWAYD_') && !knownVariables.has(name)) faults.push(`${name}: there is no such setting`);
  }
  const result = config as unknown as ServerConfig;
  faults.push(...contradictions(result, said));
  if (faults.length > 0) {
    throw new ServerError('ERR_SERVER_CONFIG', `The configuration is wrong:\n  ${faults.join('\n  ')}`, {
      hint: 'see `slipwayd --help`; `slipwayd --check-config` checks without starting',
    });
  }
  return Object.freeze(result);
}

/** The variable of a setting: `SLIPWAYD_DATA_DIR`. */
export function variableOf({ name }: Pick<Setting<unknown>, 'name'>): string {
  return `SLIPWAYD_${name.toUpperCase().replaceAll('-', '_')}`;
}

const knownVariables: ReadonlySet<string> = new Set([
  ...entries.map(([, setting]) => variableOf(setting)),
  'SLIPWAYD_CONFIG',
]);

async function readConfigFile(file: string, faults: string[]): Promise<Readonly<Record<string, unknown>>> {
  let document: unknown;
  try {
    const text = await readTextWithin(file, { maxBytes: maxFileBytes, mayBePipe: true, writerWaitMs });
    document = JSON.parse(withoutComments(text));
  } catch (error) {
    const why = error instanceof FileRefusedError ? error.why : error instanceof Error ? error.message : String(error);
    faults.push(`${file}: ${why}`);
    return {};
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    faults.push(`${file}: expected a JSON object`);
    return {};
  }
  const names = new Set(entries.map(([, { name }]) => name));
  for (const name of Object.keys(document)) {
    if (!names.has(name)) faults.push(`${file}: ${JSON.stringify(name)}: there is no such setting`);
  }
  return document as Readonly<Record<string, unknown>>;
}

/** Entries that cannot be read are told by themselves. */
function assertReachable(host: string, entries: readonly string[]): void {
  let egress: Egress;
  try {
    egress = createEgress(entries);
  } catch {
    return;
  }
  egress.assertRegistry(host);
}

/** Addresses that are there more than once, however they are written; each port 0 is another one. */
function twice(hosts: readonly string[]): readonly string[] {
  const written = hosts.flatMap((host) => {
    try {
      return [formatListenAddress(parseListenAddress(host))];
    } catch {
      return []; // told by itself
    }
  });
  return [...new Set(written.filter((host, at) => written.indexOf(host) < at && !/^tcp:.*:0$/.test(host)))];
}

/** What is right by itself, but not together. Whether a listener is guarded well enough is asked when it is opened. */
function contradictions(config: ServerConfig, said: ReadonlySet<keyof ServerConfig>): readonly string[] {
  const { hosts, insecureRegistries, allowNondistributable, tlsCert, tlsKey, tlsCa } = config;
  const faults: string[] = [];
  if (hosts.length === 0) faults.push('--host: there is no address to listen on');
  const check = (name: string, value: string, parse: (value: string) => unknown): void => {
    try {
      parse(value);
    } catch (error) {
      faults.push(`--${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const checkRule = (name: string, rule: object, parse: () => unknown): void =>
    check(name, JSON.stringify(rule).slice(0, 200), (shown) => {
      try {
        parse();
      } catch (error) {
        throw new RangeError(`${(error as Error).message}, in ${shown}`);
      }
    });
  for (const host of hosts) check('host', host, parseListenAddress);
  for (const host of twice(hosts)) faults.push(`--host: ${host} is given twice`);
  for (const entry of insecureRegistries) check('insecure-registry', entry, (one) => parseInsecureRegistries([one]));
  for (const entry of typeof allowNondistributable === 'boolean' ? [] : allowNondistributable) {
    check('allow-nondistributable', entry, (one) => parseNondistributableRegistries([one]));
  }
  for (const entry of config.allowRegistries) check('allow-registry', entry, (one) => createEgress([one]));
  for (const entry of config.allowWebhooks) check('allow-webhook', entry, (one) => createEgress([one]));
  const { oidcIssuer, oidcAudiences, oidcRules, certificateRules } = config;
  for (const rule of certificateRules) {
    checkRule('certificate-rule', rule, () => parseRule(rule, certificateFields));
  }
  for (const rule of oidcRules) checkRule('oidc-rule', rule, () => parseRule(rule));
  if (certificateRules.length > 0 && tlsCa === undefined) faults.push('--certificate-rule needs --tls-ca');
  if (oidcIssuer !== undefined) {
    check('oidc-issuer', oidcIssuer, parseIssuer);
    if (oidcAudiences.length === 0)
      faults.push('--oidc-issuer needs --oidc-audience: a token for others is none for us');
    if (oidcRules.length === 0) faults.push('--oidc-issuer needs --oidc-rule: without one, nobody gets a right');
    const isAsked = config.oidcJwks === undefined && URL.canParse(oidcIssuer);
    if (isAsked)
      check('oidc-issuer', new URL(oidcIssuer).host, (host) => assertReachable(host, config.allowRegistries));
  } else if (oidcAudiences.length + oidcRules.length > 0 || config.oidcJwks !== undefined) {
    faults.push('--oidc-audience, --oidc-jwks and --oidc-rule need --oidc-issuer');
  }
  if (config.protocol === 'v1' && config.format !== 'keep' && config.format !== 'v1') {
    faults.push(`--protocol v1 excludes --format ${config.format}`);
  }
  if (said.has('protocol') && config.protocol === 'v2' && config.format === 'v1') {
    faults.push('--protocol v2 excludes --format v1');
  }
  if (config.dockerMetadataWrite && config.dockerMetadata === undefined) {
    faults.push('--docker-metadata-write needs --docker-metadata');
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) faults.push('--tls-cert and --tls-key go together');
  if (tlsCa !== undefined && tlsCert === undefined) faults.push('--tls-ca needs --tls-cert and --tls-key');
  return faults;
}
