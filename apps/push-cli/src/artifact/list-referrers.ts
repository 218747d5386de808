import type { Referrer, ReferrersOptions } from '@slipway/client';
import { parseDestinations } from '@slipway/client';
import { printable } from '@slipway/client/program';
import { formatReference } from '@slipway/reference';
import type { CommandContext } from '../command-context.ts';
import { table } from '../inspection/inspection-table.ts';
import { type ClientFlags, openClient } from '../open-client.ts';
import { warningLine } from '../progress/lines.ts';
import { typedCredentials } from '../push/typed-credentials.ts';

export interface ListFlags extends ClientFlags, Pick<ReferrersOptions, 'platform'> {
  readonly artifactType?: string | undefined;
  readonly json?: boolean | undefined;
  readonly username?: string | undefined;
  readonly passwordStdin?: boolean | undefined;
}

/** `slipway artifact list`: what refers to an image. */
export async function listReferrers(image: string, flags: ListFlags, context: CommandContext): Promise<void> {
  const { signal, stdout, stderr } = context;
  const { artifactType, platform } = flags;
  const references = parseDestinations(image, { digests: true });
  const print = (line: string): void => void stderr.write(`${line}\n`);
  const warn = (message: string): void => print(warningLine(message));
  const credentials = await typedCredentials(flags, references, context);
  await using client = await openClient(flags, context, { print, warn, credentials });
  const referrers = await client.referrers(references[0] ?? image, { artifactType, platform, signal });
  for (const line of linesOf(referrers, flags)) stdout.write(`${line}\n`);
  if (referrers.length > 0) return;
  print(
    `slipway: nothing ${artifactType === undefined ? '' : `of type ${artifactType} `}refers to ${printable(image)}`,
  );
}

function linesOf(referrers: readonly Referrer[], { json, quiet }: ListFlags): readonly string[] {
  if (json === true) return referrers.map((referrer) => JSON.stringify(recordOf(referrer)));
  if (quiet === true) return referrers.map(({ reference }) => formatReference(reference));
  if (referrers.length === 0) return [];
  const rows = referrers.map(({ descriptor: { digest, artifactType, annotations } }) => {
    const said = Object.entries(annotations ?? {}).map(([key, value]) => `${key}=${value}`);
    return [digest, artifactType ?? '-', said.join(' ')].map(printable);
  });
  return table([['DIGEST', 'ARTIFACT TYPE', 'ANNOTATIONS'], ...rows]);
}

function recordOf({ reference, descriptor }: Referrer): Readonly<Record<string, unknown>> {
  const { digest, mediaType, artifactType, size, annotations } = descriptor;
  return { reference: formatReference(reference), digest, mediaType, artifactType, size, annotations };
}
