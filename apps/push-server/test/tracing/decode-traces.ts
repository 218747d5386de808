import type { CollectedSpan } from './collector.ts';

type Value = { readonly stringValue?: string; readonly intValue?: number | string; readonly boolValue?: boolean } & {
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly Value[] };
};
interface Attribute {
  readonly key: string;
  readonly value: Value;
}
interface Span {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly Attribute[];
  readonly status?: { readonly code?: number; readonly message?: string };
}
interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/**
 * The spans of one delivery.
 *
 * @see https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto
 */
export function decodeTraces(bytes: Uint8Array, contentType: string): readonly CollectedSpan[] {
  const { resourceSpans } = contentType.startsWith('application/json')
    ? (JSON.parse(new TextDecoder().decode(bytes)) as Export)
    : exportOf(bytes);
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = attributesOf(resource.attributes)['service.name'];
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...collected(span), service })));
  });
}

function collected(span: Span): Omit<CollectedSpan, 'service'> {
  const { name, kind, traceId, spanId, parentSpanId = '', attributes = [], status } = span;
  const [startMs = 0, endMs = 0] = [span.startTimeUnixNano, span.endTimeUnixNano].map((nanos) => Number(nanos) / 1e6);
  const error = status?.code === 2 ? (status.message ?? '') : undefined;
  return { name, kind, traceID: traceId, id: spanId, parent: parentSpanId, startMs, endMs, error, ...told(attributes) };
}

function told(attributes: readonly Attribute[]): Pick<CollectedSpan, 'attributes'> {
  return { attributes: attributesOf(attributes) };
}

function attributesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain({ stringValue, intValue, boolValue, doubleValue, arrayValue }: Value): unknown {
  if (arrayValue !== undefined) return (arrayValue.values ?? []).map(plain);
  return stringValue ?? boolValue ?? doubleValue ?? (intValue === undefined ? undefined : Number(intValue));
}

type Field = readonly [number: number, value: bigint | Buffer];

function exportOf(bytes: Uint8Array): Export {
  return {
    resourceSpans: all(bytes, 1).map((each) => ({
      resource: { attributes: all(all(each, 1)[0] ?? Buffer.alloc(0), 1).map(attributeOf) },
      scopeSpans: all(each, 2).map((scope) => ({ spans: all(scope, 2).map(spanOf) })),
    })),
  };
}

function spanOf(bytes: Buffer): Span {
  const [status] = all(bytes, 15);
  return {
    traceId: one(bytes, 1).toString('hex'),
    spanId: one(bytes, 2).toString('hex'),
    parentSpanId: one(bytes, 4).toString('hex'),
    name: one(bytes, 5).toString('utf8'),
    kind: Number(number(bytes, 6)),
    startTimeUnixNano: String(number(bytes, 7)),
    endTimeUnixNano: String(number(bytes, 8)),
    attributes: all(bytes, 9).map(attributeOf),
    ...(status && { status: { message: one(status, 2).toString('utf8'), code: Number(number(status, 3)) } }),
  };
}

function attributeOf(bytes: Buffer): Attribute {
  return { key: one(bytes, 1).toString('utf8'), value: anyOf(one(bytes, 2)) };
}

function anyOf(bytes: Buffer): Value {
  const [field] = fieldsOf(bytes);
  if (field === undefined) return {};
  const [kind, value] = field;
  if (typeof value === 'bigint') return kind === 2 ? { boolValue: value === 1n } : { intValue: Number(value) };
  if (kind === 5) return { arrayValue: { values: all(value, 1).map(anyOf) } };
  return { stringValue: value.toString('utf8') };
}

function all(bytes: Uint8Array, wanted: number): readonly Buffer[] {
  return fieldsOf(bytes).flatMap(([at, value]) => (at === wanted && typeof value !== 'bigint' ? [value] : []));
}

function one(bytes: Buffer, wanted: number): Buffer {
  return all(bytes, wanted)[0] ?? Buffer.alloc(0);
}

function number(bytes: Buffer, wanted: number): bigint {
  for (const [at, value] of fieldsOf(bytes)) if (at === wanted && typeof value === 'bigint') return value;
  return 0n;
}

/** The fields of a message, in their order. */
function fieldsOf(message: Uint8Array): readonly Field[] {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [field, wire] = [tag >>> 3, tag & 7];
    if (wire === 0) fields.push([field, varint()]);
    else if (wire === 1) {
      fields.push([field, bytes.readBigUInt64LE(at)]);
      at += 8;
    } else if (wire === 5) {
      fields.push([field, BigInt(bytes.readUInt32LE(at))]);
      at += 4;
    } else {
      const size = Number(varint());
      fields.push([field, bytes.subarray(at, at + size)]);
      at += size;
    }
  }
  return fields;
}
