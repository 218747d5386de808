import { describe, expect, test } from 'vitest';
import { readTraceSettings } from './trace-settings.ts';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

describe('nothing is traced', () => {
  test.each<[string, Record<string, string>, string | undefined]>([
    ['by itself', {}, undefined],
    ['with what is about something else', { OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'nonsense' }, undefined],
    ['with empty variables', { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_TRACES_EXPORTER: '' }, undefined],
    [
      'where it is disabled',
      { ...endpoint, OTEL_SDK_DISABLED: 'TRUE' },
      'traces are not sent: OTEL_SDK_DISABLED is true',
    ],
    ['for nobody', { ...endpoint, OTEL_TRACES_EXPORTER: 'none' }, 'traces are not sent: OTEL_TRACES_EXPORTER is none'],
    [
      'whatever else is wrong then',
      { OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'x' },
      'traces are not sent: OTEL_SDK_DISABLED is true',
    ],
  ])('%s', (_name, variables, summary) => {
    expect(readTraceSettings(variables)).toEqual({ settings: undefined, faults: [], summary });
  });
});

test.each<[string, Record<string, string>, string]>([
  [
    'a collector',
    endpoint,
    'traces of "slipwayd" go to http://collector:4318/v1/traces as http/protobuf, sampled by parentbased_always_on',
  ],
  [
    'one below a path',
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c/otlp/' },
    'traces of "slipwayd" go to https://c/otlp/v1/traces as http/protobuf, sampled by parentbased_always_on',
  ],
  [
    'one for traces alone',
    { ...endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t/x' },
    'traces of "slipwayd" go to http://t/x as http/protobuf, sampled by parentbased_always_on',
  ],
  [
    'the usual one',
    { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    'traces of "slipwayd" go to http://localhost:4318/v1/traces as http/json, sampled by parentbased_always_on',
  ],
  [
    'standard output',
    { OTEL_TRACES_EXPORTER: 'console', OTEL_SERVICE_NAME: 'farm' },
    'traces of "farm" go to standard output, sampled by parentbased_always_on',
  ],
  [
    'both',
    {
      OTEL_TRACES_EXPORTER: 'console, otlp',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=a%20b',
    },
    'traces of "a b" go to http://localhost:4318/v1/traces as http/protobuf and to standard output, sampled by traceidratio (0.25)',
  ],
])('%s', (_name, variables, summary) => {
  const read = readTraceSettings(variables);
  expect([read.faults, read.summary]).toEqual([[], summary]);
});

test('what is said of traces goes before what is said of everything', () => {
  const { settings } = readTraceSettings({
    ...endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20all,x-tenant=a',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'authorization=Bearer%20traces',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_TIMEOUT: '100',
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '200',
  });
  expect(settings?.collector).toMatchObject({
    protocol: 'http/json',
    headers: { authorization: 'Bearer traces', 'x-tenant': 'a' },
    timeoutMs: 200,
  });
});

test.each<[Record<string, string>, string]>([
  [{ OTEL_TRACES_EXPORTER: 'zipkin' }, 'OTEL_TRACES_EXPORTER: expected otlp, console, none, got "zipkin"'],
  [{ ...endpoint, OTEL_SDK_DISABLED: 'yes' }, 'OTEL_SDK_DISABLED: expected true or false'],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' },
    'OTEL_EXPORTER_OTLP_ENDPOINT: expected http://HOST:PORT or https://HOST:PORT',
  ],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://ann:secret@c' },
    'OTEL_EXPORTER_OTLP_ENDPOINT: credentials do not belong into an address: use OTEL_EXPORTER_OTLP_HEADERS',
  ],
  [
    { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    'OTEL_EXPORTER_OTLP_PROTOCOL: expected one of http/protobuf, http/json, got "grpc"; gRPC is not served: name the HTTP port of the collector',
  ],
  [
    { ...endpoint, OTEL_EXPORTER_OTLP_COMPRESSION: 'zstd' },
    'OTEL_EXPORTER_OTLP_COMPRESSION: expected one of gzip, none, got "zstd"',
  ],
  [
    { ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'secret' },
    'OTEL_EXPORTER_OTLP_HEADERS: expected NAME=VALUE,NAME=VALUE with percent-encoded values',
  ],
  [
    { ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'a=%zz' },
    'OTEL_EXPORTER_OTLP_HEADERS: expected NAME=VALUE,NAME=VALUE with percent-encoded values',
  ],
  [
    { ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'a=b%0d%0ac: d' },
    'OTEL_EXPORTER_OTLP_HEADERS: expected NAME=VALUE,NAME=VALUE with percent-encoded values',
  ],
  [
    { ...endpoint, OTEL_RESOURCE_ATTRIBUTES: '=x' },
    'OTEL_RESOURCE_ATTRIBUTES: expected NAME=VALUE,NAME=VALUE with percent-encoded values',
  ],
  [
    { ...endpoint, OTEL_EXPORTER_OTLP_TIMEOUT: '10s' },
    'OTEL_EXPORTER_OTLP_TIMEOUT: expected a whole number from 1 on, got "10s"',
  ],
  [
    { ...endpoint, OTEL_BSP_MAX_QUEUE_SIZE: '0' },
    'OTEL_BSP_MAX_QUEUE_SIZE: expected a whole number from 1 on, got "0"',
  ],
  [
    { ...endpoint, OTEL_TRACES_SAMPLER: 'sometimes' },
    'OTEL_TRACES_SAMPLER: expected one of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio, got "sometimes"',
  ],
  [
    { ...endpoint, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '10%' },
    'OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, got "10%"',
  ],
  [{ ...endpoint, OTEL_PROPAGATORS: 'b3' }, 'OTEL_PROPAGATORS: expected tracecontext, baggage, none, got "b3"'],
])('%j is refused with a sentence', (variables, fault) => {
  const { faults } = readTraceSettings(variables);
  expect(faults).toEqual([fault]);
  expect(JSON.stringify(faults)).not.toContain('secret');
});
