/** What a manifest says of itself, beside what it lists. */
export interface ManifestFacts {
  /** What it is, if it is no plain image. */
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Digest of the manifest that it refers to. */
  readonly subject?: string | undefined;
}

/** What a config says of its image, beside how it runs. */
export interface ConfigFacts {
  /** As it is written there, ISO 8601 as a rule. */
  readonly created?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/**
 * Reads the fields that are right and ignores the others: an inspection also shows documents with faults.
 *
 * @param configNames whether the type of its config tells what it is, as was the custom before `artifactType`
 */
export function manifestFacts(bytes: Uint8Array | undefined, configNames: boolean): ManifestFacts {
  const { artifactType, annotations, subject, config } = fieldsOf(bytes);
  const { digest } = asFields(subject);
  return {
    artifactType: textOf(artifactType) ?? (configNames ? textOf(asFields(config)['mediaType']) : undefined),
    annotations: textsOf(annotations),
    subject: textOf(digest),
  };
}

/** The same of a config. */
export function configFacts(bytes: Uint8Array): ConfigFacts {
  const { created, config } = fieldsOf(bytes);
  return { created: textOf(created), labels: textsOf(asFields(config)['Labels']) };
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(bytes: Uint8Array | undefined): Fields {
  try {
    return asFields(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return {};
  }
}

function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Undefined where there are none, so that nothing is printed. */
function textsOf(value: unknown): Readonly<Record<string, string>> | undefined {
  const texts = Object.entries(asFields(value)).filter(
    (entry): entry is [string, string] => textOf(entry[1]) !== undefined,
  );
  return texts.length === 0 ? undefined : Object.fromEntries(texts);
}
