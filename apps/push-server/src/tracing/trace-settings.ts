import { isKeyOf, listIn, numberIn, type OtelVariables, pairsIn, urlIn } from './otel-variables.ts';

const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
const protocols = ['http/protobuf', 'http/json'] as const;

/** How spans reach a collector. */
export interface CollectorSettings {
  readonly url: string;
  readonly protocol: (typeof protocols)[number];
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly isCompressed: boolean;
  /** Files in PEM. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** What is traced, and where it goes. */
export interface TraceSettings {
  readonly collector: CollectorSettings | undefined;
  /** Spans go to standard output, too. */
  readonly isPrinted: boolean;
  /** `service.name` among them. */
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: (typeof samplers)[number];
  /** Share of the traces that are kept, for the samplers by ratio. */
  readonly ratio: number;
  /** A request may say which trace it belongs to, and the registry is told. */
  readonly isPropagated: boolean;
  readonly batch: {
    readonly scheduledDelayMillis: number | undefined;
    readonly exportTimeoutMillis: number | undefined;
    readonly maxQueueSize: number | undefined;
    readonly maxExportBatchSize: number | undefined;
  };
}

/** What the variables say. */
export interface ReadTraceSettings {
  /** Undefined where nothing is traced. */
  readonly settings: TraceSettings | undefined;
  /** One sentence a variable that cannot be used. None where nothing is traced. */
  readonly faults: readonly string[];
  /** What it comes to, for people; undefined where no variable is about it. */
  readonly summary: string | undefined;
}

/**
 * Reads the usual variables. Tracing is on where an exporter or a collector is named, and not by itself.
 *
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function readTraceSettings(variables: OtelVariables): ReadTraceSettings {
  const faults: string[] = [];
  const own = { variables, faults };
  const disabled = variables['OTEL_SDK_DISABLED']?.toLowerCase() ?? '';
  if (disabled === 'true') return off('OTEL_SDK_DISABLED is true');
  const hasEndpoint = ['TRACES_ENDPOINT', 'ENDPOINT'].some((name) => !!variables[`OTEL_EXPORTER_OTLP_${name}`]);
  const exporters = listIn(own, 'OTEL_TRACES_EXPORTER', ['otlp', 'console', 'none']) ?? (hasEndpoint ? ['otlp'] : []);
  if (exporters.length === 0 && faults.length === 0) return { settings: undefined, faults, summary: undefined };
  if (exporters.includes('none')) return off('OTEL_TRACES_EXPORTER is none');
  if (disabled !== '' && disabled !== 'false') faults.push('OTEL_SDK_DISABLED: expected true or false');
  const propagators = listIn(own, 'OTEL_PROPAGATORS', ['tracecontext', 'baggage', 'none']) ?? ['tracecontext'];
  const attributes = pairsIn(own, 'OTEL_RESOURCE_ATTRIBUTES');
  const name = variables['OTEL_SERVICE_NAME'] || attributes['service.name'] || 'slipwayd';
  const sampler = variables['OTEL_TRACES_SAMPLER'] || 'parentbased_always_on';
  if (!isKeyOf(samplers, sampler)) {
    faults.push(`OTEL_TRACES_SAMPLER: expected one of ${samplers.join(', ')}, got ${JSON.stringify(sampler)}`);
    return { settings: undefined, faults, summary: undefined };
  }
  const isByRatio = sampler.endsWith('traceidratio');
  const ratio = isByRatio ? numberIn(own, 'OTEL_TRACES_SAMPLER_ARG', { min: 0, max: 1 }) : undefined;
  const settings: TraceSettings = {
    collector: exporters.includes('otlp') ? collectorIn(own) : undefined,
    isPrinted: exporters.includes('console'),
    resource: { ...attributes, 'service.name': name },
    sampler,
    ratio: ratio ?? 1,
    isPropagated: propagators.includes('tracecontext'),
    batch: {
      scheduledDelayMillis: numberIn(own, 'OTEL_BSP_SCHEDULE_DELAY', whole),
      exportTimeoutMillis: numberIn(own, 'OTEL_BSP_EXPORT_TIMEOUT', whole),
      maxQueueSize: numberIn(own, 'OTEL_BSP_MAX_QUEUE_SIZE', whole),
      maxExportBatchSize: numberIn(own, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', whole),
    },
  };
  return { settings, faults, summary: summaryOf(settings) };
}

const whole = { min: 1, max: 2 ** 31 - 1, isWhole: true };
const defaultUrl = 'http://localhost:4318/v1/traces';

function off(why: string): ReadTraceSettings {
  return { settings: undefined, faults: [], summary: `traces are not sent: ${why}` };
}

function collectorIn(own: { readonly variables: OtelVariables; readonly faults: string[] }): CollectorSettings {
  const { variables, faults } = own;
  /** What is said of traces goes before what is said of everything. */
  const nameOf = (last: string): string =>
    variables[`OTEL_EXPORTER_OTLP_TRACES_${last}`] ? `OTEL_EXPORTER_OTLP_TRACES_${last}` : `OTEL_EXPORTER_OTLP_${last}`;
  const choose = <T extends string>(last: string, choices: readonly T[], initial: T, hint = ''): T => {
    const value = variables[nameOf(last)] || initial;
    if (isKeyOf(choices, value)) return value;
    faults.push(`${nameOf(last)}: expected one of ${choices.join(', ')}, got ${JSON.stringify(value)}${hint}`);
    return initial;
  };
  const endpoint = nameOf('ENDPOINT');
  const asked = urlIn(own, endpoint);
  const isWhole = endpoint.includes('TRACES') || asked === undefined;
  return {
    url: isWhole ? (asked ?? defaultUrl) : `${asked.replace(/\/$/, '')}/v1/traces`,
    protocol: choose(
      'PROTOCOL',
      protocols,
      'http/protobuf',
      '; gRPC is not served: name the HTTP port of the collector',
    ),
    headers: {
      ...pairsIn(own, 'OTEL_EXPORTER_OTLP_HEADERS', 'header'),
      ...pairsIn(own, 'OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'header'),
    },
    timeoutMs: numberIn(own, nameOf('TIMEOUT'), whole) ?? 10_000,
    isCompressed: choose('COMPRESSION', ['gzip', 'none'], 'none') === 'gzip',
    ca: variables[nameOf('CERTIFICATE')] || undefined,
    cert: variables[nameOf('CLIENT_CERTIFICATE')] || undefined,
    key: variables[nameOf('CLIENT_KEY')] || undefined,
  };
}

function summaryOf({ collector, isPrinted, resource, sampler, ratio }: TraceSettings): string {
  const places = [
    ...(collector === undefined ? [] : [`to ${collector.url} as ${collector.protocol}`]),
    ...(isPrinted ? ['to standard output'] : []),
  ];
  const share = sampler.endsWith('traceidratio') ? ` (${ratio})` : '';
  const name = JSON.stringify(resource['service.name']);
  return `traces of ${name} go ${places.join(' and ')}, sampled by ${sampler}${share}`;
}
