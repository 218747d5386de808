import { optionsOf } from '@slipway/client/options';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { daemonOfEnvironment } from '../daemon/daemon-address.ts';
import type { PushFlags } from '../push/push-flags.ts';
import { addDaemonOptions, assertNoDaemonOptions, daemonPushOptionsOf } from './job-push-options.ts';
import { addLearnNames } from './learn-names.ts';
import { addTableOptions } from './table-options.ts';

/** `slipway push SOURCE DESTINATION...` */
export function addPushCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('push')
    .description('Push an image to one or more places.')
    .argument('<source>', 'what to push, see Sources below')
    .argument(
      '<destination...>',
      'where to: [registry/]repository[:tag], or @digest; short names mean docker.io/library/…:latest',
    );
  const names = optionsOf('cli').map(([name]) => name);
  addDaemonOptions(addTableOptions(addLearnNames(command), names, 'below'))
    .addHelpText('after', details)
    .action(async (source: string, destinations: string[]) => {
      context.asked = async () => {
        const { askedRecords } = await import('../results/results.ts');
        return askedRecords(destinations, command.opts<PushFlags>().allTags === true ? {} : undefined);
      };
      const daemon = command.optsWithGlobals()['daemon'] ?? daemonOfEnvironment(context.environment);
      if (daemon !== undefined) {
        const { pushByDaemon } = await import('../daemon/push-by-daemon.ts');
        await pushByDaemon(source, destinations, { ...daemonPushOptionsOf(command), daemon }, context);
        return;
      }
      assertNoDaemonOptions(command);
      const { runPush } = await import('../push/run-push.ts');
      await runPush(source, destinations, pushFlagsOf(command), context);
    });
}

/** A protocol that nobody chose is left to the format. */
function pushFlagsOf(command: Command): PushFlags {
  const flags = command.opts<PushFlags>();
  return command.getOptionValueSource('protocol') === 'default' ? { ...flags, protocol: undefined } : flags;
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
  SOURCE is a repository, docker://REPOSITORY, docker-daemon:NAME or store:NAME without a tag, or all of a file.
  The destination's own tags are pushed: those under its name, or else under its path in another registry, or without a
  repository, as layouts have them. Tags of other repositories are pushed into it only with --into. --tags chooses by
  pattern: "v1.*" by tag, "me/app:*" by the whole name. Of docker://REPOSITORY, tags that are there already cost one
  question on each side.

Layers:
  keep    as they are; plain layers of archives that docker saved become gzip (the default)
  gzip    what every client reads         zstd   smaller and faster to unpack; docker from 23.0 on, podman, containerd
  zstd:chunked  zstd with a table of contents: podman and CRI-O pull only the files that they lack
  estargz       gzip with a table of contents: the stargz snapshotter mounts it before it is pulled; the image gets
                another ID
  none    not compressed, for a registry in the same data centre
  Layers of another kind are unpacked and made anew while they are sent. Several, as in gzip,zstd, push one index that
  has each image in each kind: older clients take gzip, those that know zstd take that.

Signatures:
  --sign-key takes a key of cosign's, or a P-256 key in PEM; its password comes from COSIGN_PASSWORD, or is asked for.
  env://NAME takes it from a variable. The image, and each image of an index, gets a signature where cosign and podman
  look for it, before the tag moves; signatures of others stay, and one of this key is not made twice.

Learning:
  prove   compress the layer here and send nothing if that makes the bytes the registry has (the default)
  verify  read the registry's layer back and unpack it; use it if it is our layer
  trust   believe what the images of the destination repository say of it
  off     do not read the destination's images

Standard output carries the result: one line registry/repository@sha256:… a destination; with --json one object a
destination, which has \`error\` where it failed, also where nothing was begun.

Exit codes:
  0 pushed · 1 failed · 2 wrong usage or bad reference · 3 unauthorized or denied
  4 source missing, unreadable or corrupt · 5 registry unreachable · 130 interrupted
  With several destinations each succeeds or fails by itself; the code is that of the first that failed.

Examples:
  slipway push image.tar ghcr.io/me/app:1.0
  docker save me/app | slipway push - ghcr.io/me/app:1.0 quay.io/me/app:1.0
  slipway push oci:build/layout:v1 127.0.0.1:5000/demo/app --dry-run
  slipway push docker://quay.io/me/app ghcr.io/me/app --all-tags --newer-than 90d
  slipway push image.tar ghcr.io/me/app:1.0 --sign-key cosign.key`;
