import type { OptionName } from '@slipway/client/options';
import type { Command } from 'commander';
import type { ListFlags } from '../artifact/list-referrers.ts';
import type { PushArtifactFlags } from '../artifact/push-artifact.ts';
import type { AskedRecord, CommandContext } from '../command-context.ts';
import { addTableOptions, connectionOptions } from './table-options.ts';

/** What an artifact's push has in common with that of an image. */
const deliveryOptions: readonly OptionName[] = [
  ...([
    'signKey',
    'signIdentity',
    'dryRun',
    'force',
    'concurrency',
    'limitRate',
    'maxRequestsPerSecond',
    'retries',
    'cache',
  ] as const),
  ...(['plainHttp', 'insecure', 'certDir', 'authfile', 'timeout', 'username', 'passwordStdin', 'dataDir'] as const),
  ...(['progress', 'json', 'quiet', 'digestFile', 'verbose'] as const),
];

/** `slipway artifact push|attach|list` */
export function addArtifactCommand(program: Command, context: CommandContext): void {
  const artifact = program
    .command('artifact')
    .description('Push files as artifacts (SBOMs, charts, models), attach them to images, and list what is attached.');
  addPush(artifact, context);
  addAttach(artifact, context);
  addList(artifact, context);
}

function addPush(artifact: Command, context: CommandContext): void {
  const command = artifact
    .command('push')
    .description('Push files and folders as one artifact.')
    .argument('<destination>', 'where to: [registry/]repository[:tag[,tag…]]')
    .argument('[file...]', 'FILE or FILE:TYPE, with its media type')
    .option('--to <destination>', 'a further destination; repeatable', collected)
    .option('--subject <ref>', 'what it is about, which every destination has to have; see also `artifact attach`');
  addArtifactOptions(command)
    .addHelpText('after', `${details}${pushExamples}`)
    .action(async (destination: string, files: string[]) => {
      context.asked = async () => {
        const { readDestinations } = await import('../artifact/file-argument.ts');
        const { to = [] } = command.opts<Pick<PushArtifactFlags, 'to'>>();
        return await askedReferences([destination, ...to].flatMap(readDestinations));
      };
      const { pushArtifact } = await import('../artifact/push-artifact.ts');
      await pushArtifact(destination, files, await flagsOf(command), context);
    });
}

function addAttach(artifact: Command, context: CommandContext): void {
  const command = artifact
    .command('attach')
    .description('Push files as an artifact about an image, into its repository, without a tag.')
    .argument('<ref>', 'the image: [registry/]repository[:tag] or …@digest')
    .argument('[file...]', 'FILE or FILE:TYPE, with its media type')
    .option('--platform <platform>', 'attach to one image of an index, such as linux/arm64');
  addArtifactOptions(command)
    .addHelpText('after', `${details}${attachExamples}`)
    .action(async (image: string, files: string[]) => {
      context.asked = async () => await askedReferences([image]);
      const { attachArtifact } = await import('../artifact/push-artifact.ts');
      await attachArtifact(image, files, await flagsOf(command), context);
    });
}

function addList(artifact: Command, context: CommandContext): void {
  const command = artifact
    .command('list')
    .description('List what refers to an image: what was attached, signatures, SBOMs.')
    .argument('<ref>', 'the image: [registry/]repository[:tag] or …@digest')
    .option('--artifact-type <type>', 'only those of this type')
    .option('--platform <platform>', 'what refers to one image of an index, such as linux/arm64');
  addTableOptions(command, [...connectionOptions, 'username', 'passwordStdin'])
    .option('--json', 'print JSON, one object a referrer')
    .option('-q, --quiet', 'print their names only: registry/repository@digest')
    .option('-v, --verbose', 'print requests, and the causes of errors')
    .action(async (image: string) => {
      const { listReferrers } = await import('../artifact/list-referrers.ts');
      await listReferrers(image, command.opts<ListFlags>(), context);
    });
}

function addArtifactOptions(command: Command): Command {
  command
    .option('--artifact-type <type>', 'what it is, such as application/spdx+json')
    .option('-a, --annotation <key=value>', 'an annotation of the manifest; repeatable', collected)
    .option('--config <file[:type]>', 'a file as its config (default: none)')
    .option('--exclude <pattern>', 'leave such files of folders out, such as "*.map"; repeatable', collected);
  return addTableOptions(command, deliveryOptions);
}

async function askedReferences(texts: readonly string[]): Promise<readonly AskedRecord[]> {
  const { askedRecords } = await import('../results/results.ts');
  return askedRecords(texts);
}

function collected(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, text];
}

/** The options, read as far as the parser did not: what is wrong with them is told in this program's own words. */
async function flagsOf(command: Command): Promise<PushArtifactFlags> {
  const { readMediaType, withAnnotation } = await import('../artifact/file-argument.ts');
  type Given = Omit<PushArtifactFlags, 'annotation'> & { readonly annotation?: readonly string[] | undefined };
  const { annotation, ...flags } = command.opts<Given>();
  if (flags.artifactType !== undefined) readMediaType(flags.artifactType);
  if (annotation === undefined) return flags;
  return { ...flags, annotation: annotation.reduce((earlier, text) => withAnnotation(text, earlier), {}) };
}

const details = `
Files:
  A file goes as it is; a folder goes as a tar, compressed with gzip, which \`oras pull\` unpacks again. Each is called
  as its path, or, if that is absolute or leads out with "..", as its last name. A name that has a colon is written with
  one more at its end: notes:today.txt:

  From the same files comes the same digest: no time is added. For one, --annotation org.opencontainers.image.created=…

Signatures:
  --sign-key signs the artifact as \`slipway push\` signs an image, before its tag moves. One without a tag is signed as
  registry/repository@sha256:…, or as --sign-identity says.

Standard output carries the result: one line registry/repository@sha256:… a destination. Exit codes are those of
\`slipway push\`.
`;

const pushExamples = `
Examples:
  slipway artifact push ghcr.io/me/model:1.0,latest model.gguf:application/x-gguf --artifact-type application/x-model
  slipway artifact push ghcr.io/me/site:7 dist --exclude '*.map' --annotation revision=$GIT_SHA --sign-key cosign.key`;

const attachExamples = `
Examples:
  slipway artifact attach ghcr.io/me/app:1.0 sbom.json --artifact-type application/spdx+json
  slipway artifact attach ghcr.io/me/app:1.0 scan.json --platform linux/arm64
  slipway artifact list ghcr.io/me/app:1.0 --artifact-type application/spdx+json`;
