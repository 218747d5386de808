import { type Command, Option } from 'commander';
import { choices } from '../choices.ts';
import type { CommandContext } from '../command-context.ts';
import { addConnectionOptions } from '../connection-options.ts';
import { daemonOfEnvironment } from '../daemon/daemon-address.ts';
import { nondistributable } from '../nondistributable.ts';
import { byteRate, compression, platform, pointInTime, wholeNumber } from '../option-values.ts';
import { addDaemonOptions, daemonPushOptionsOf } from './job-push-options.ts';

/** `slipway push SOURCE DESTINATION...` */
export function addPushCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('push')
    .description('Push an image to one or more places.')
    .argument('<source>', 'what to push, see Sources below')
    .argument('<destination...>', 'where to: [registry/]repository[:tag]; short names mean docker.io/library/…:latest')
    .option('-a, --all-tags', 'push every tag of the source; destinations are repositories then, see below')
    .option('--into', 'with --all-tags: also push tags that the source has of other repositories')
    .option('--tags <pattern>', 'with --all-tags: only tags that match, such as "v1.*"')
    .option(
      '--newer-than <when>',
      'with --all-tags: only images made after a date or so long ago: 2026-01-31, 30d',
      (text) => pointInTime(text),
    )
    .option('--platform <os/arch>', 'push one platform of an image for several, such as linux/arm64', platform)
    .option('--referrers', 'also push what refers to the image: signatures, SBOMs, attestations')
    .addOption(
      new Option('--format <format>', 'manifest format: as in the source, or converted')
        .choices(choices.format)
        .default('keep'),
    )
    .addOption(
      new Option('--protocol <protocol>', 'v2, v1 for registries of before 2015, or auto: detect')
        .choices(choices.protocol)
        .default('v2'),
    )
    .addOption(
      new Option('--compression <kind,...>', 'of layers: as in the source, or one or more of these, see Layers below')
        .choices(choices.compression)
        .argParser(compression)
        .default('keep'),
    )
    .option('--recompress', 'with --compression: make layers anew that are of that kind already')
    .option('--compression-level <n>', 'effort of compression: gzip 1 to 9, zstd 1 to 19', wholeNumber(1, 19))
    .addOption(
      new Option(
        '--compressor <which>',
        'what makes gzip: deflate (fast, the same bytes everywhere; the default), zlib or fflate',
      ).choices(choices.compressor),
    )
    .addOption(
      new Option(
        '--verify <what>',
        'how to check layers that carry a digest: by that digest, or also unpacked, against the diffID',
      )
        .choices(choices.verify)
        .default('digest'),
    )
    .option('--concurrency <n>', 'transfers at once, 0 for no limit', wholeNumber(0, 1000), 5)
    .option('--limit-rate <bytes/s>', 'send no faster than this in all: 500k, 2MiB', byteRate)
    .option('--max-requests-per-second <n>', 'ask each registry no more often than this', wholeNumber(1, 100_000))
    .option(
      '--retries <n>',
      'further attempts to connect, or for a blob or manifest; counted afresh after progress',
      wholeNumber(0, 1000),
      4,
    )
    .option('--dry-run', 'say what would be sent, and change nothing')
    .option(
      '--allow-nondistributable [=registry]',
      'also upload foreign layers: to any registry, or to those of a host, host:port or address range; repeatable',
      nondistributable,
    )
    .option('--no-cache', 'neither use nor fill the data folder: compressed layers, known blobs, open uploads')
    .addOption(
      new Option('--learn <how>', 'what to do with what the destination’s images say of our layers: see Learning below')
        .choices(choices.learn)
        .default('prove'),
    )
    .addOption(new Option('--no-learn', 'the same as --learn off').hideHelp())
    .addOption(new Option('--verify-learnt', 'the same as --learn verify').hideHelp())
    .option('--learn-from <tag>', 'a further tag or digest of the destination repository to learn layers from')
    .option('--force', 'ask and send everything again, whatever the registry says it has; repairs damaged images');
  addDaemonOptions(command);
  addConnectionOptions(command)
    .option('--username <name>', 'log in as this user, for this push only')
    .option('--password-stdin', 'read the password for --username from standard input')
    .option(
      '--docker-metadata <folder>',
      'use what a Docker daemon remembers, such as /var/lib/docker/image/overlay2/distribution',
    )
    .option('--docker-metadata-write', 'write what is found out into that folder, for the daemon to use')
    .option('--data-dir <folder>', 'where caches and stores lie (default: $SLIPWAY_DATA_DIR or the XDG data folder)')
    .addOption(
      new Option('--progress <kind>', 'how progress is shown on standard error')
        .choices(choices.progress)
        .default('auto'),
    )
    .option('--json', 'print results as JSON, one object a destination')
    .option('-q, --quiet', 'print the result only')
    .option('--digest-file <file>', 'write the digests there, one a line, when every destination succeeded')
    .option('-v, --verbose', 'print requests, and the causes of errors')
    .addHelpText('after', details)
    .action(async (source: string, destinations: string[]) => {
      const daemon = command.optsWithGlobals()['daemon'] ?? daemonOfEnvironment(context.environment);
      if (daemon !== undefined) {
        const { pushByDaemon } = await import('../daemon/push-by-daemon.ts');
        await pushByDaemon(source, destinations, { ...daemonPushOptionsOf(command), daemon }, context);
        return;
      }
      const { runPush } = await import('../run-push.ts');
      await runPush(source, destinations, command.opts(), context);
    });
}

const details = `
Sources:
  PATH                        docker archive, OCI layout, OCI archive or skopeo's dir:, recognised by its content;
                              archives may be compressed with gzip, zstd, xz or bzip2
  -                           the same archives on standard input
  docker-archive:PATH   oci:PATH   oci-archive:PATH   dir:PATH
  docker://REF                an image in a registry; with --all-tags a repository
  docker-daemon:REF           an image in the Docker daemon that docker itself would talk to
  store:REF                   an image of this machine's store, see \`slipway load\`
  Behind a path, one of several images is chosen by :TAG or :REF, by :@POSITION from 0, or by @DIGEST.

--all-tags:
  The destination's own tags are pushed: those under its name, or else under its path in another registry, or without a
  repository, as layouts have them. Tags of other repositories are pushed into it only with --into. --tags chooses by
  pattern: "v1.*" by tag, "me/app:*" by the whole name. Of docker://REPOSITORY, tags that are there already cost one
  question on each side.

Layers:
  keep    as they are; plain layers of archives that docker saved become gzip (the default)
  gzip    what every client reads         zstd   smaller and faster to unpack; docker from 23.0 on, podman, containerd
  none    not compressed, for a registry in the same machine hall
  Layers of another kind are unpacked and made anew while they are sent. Several, as in gzip,zstd, push one index that has
  each image in each kind: clients of old take gzip, those that know zstd take that.

Learning:
  prove   compress the layer here and send nothing if that makes the bytes the registry has (the default)
  verify  read the registry's layer back and unpack it; use it if it is our layer
  trust   believe what the images of the destination repository say of it
  off     do not read the destination's images

Standard output carries the result: one line registry/repository@sha256:… a destination.

Exit codes:
  0 pushed · 1 failed · 2 wrong usage or bad reference · 3 unauthorized or denied
  4 source missing, unreadable or corrupt · 5 registry unreachable · 130 interrupted
  With several destinations each succeeds or fails by itself; the code is that of the first that failed.

Examples:
  slipway push image.tar ghcr.io/me/app:1.0
  docker save me/app | slipway push - ghcr.io/me/app:1.0 quay.io/me/app:1.0
  slipway push oci:build/layout:v1 127.0.0.1:5000/demo/app --dry-run
  slipway push docker://quay.io/me/app ghcr.io/me/app --all-tags --newer-than 90d`;
