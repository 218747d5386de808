import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTool } from '@slipway/testkit';
import { DockerDaemon } from './docker-daemon.mjs';

const slipway = fileURLToPath(new URL('../../apps/push-cli/bin/slipway.cjs', import.meta.url));
const executable = fileURLToPath(
  new URL(`../../dist/standalone/${process.platform}-${process.arch}/slipway`, import.meta.url),
);

const ownCompressions = ['none', 'gzip', 'zstd', 'zstd:chunked', 'estargz'];

/**
 * The programs that push, and how each is asked. `command` gets what to push and where to, and returns the commands to
 * run one after the other, or undefined where the program cannot do that. `home` is a folder of the run's own: what a
 * program remembers from one push to the next lies there, except skopeo's and buildah's, which remember by registry.
 * With `isSecure`, HTTPS is spoken, and `SSL_CERT_FILE` names the authority: all of them read it. `compression` is the
 * form of layers that is asked for, one of the program's `compressions`. A source that `isPlain` has plain layers,
 * which are to be sent as they are. `version` asks which one it is. Where a daemon does the work (`daemonOf`), it is
 * prepared before each push, and its CPU time and memory count as the program's: `docker` takes images from its own
 * store, and cannot be bound to a core or watched as a command can.
 */
const programs = [
  {
    name: 'slipway',
    compressions: ownCompressions,
    find: () => process.execPath,
    version: () => [process.execPath, slipway, '--version'],
    command: (source, destinations, options) => [
      slipwayCommand([process.execPath, slipway], source, destinations, options),
    ],
  },
  {
    // Where `pnpm build:standalone` has made it.
    name: 'slipway executable',
    compressions: ownCompressions,
    find: () => (existsSync(executable) ? executable : undefined),
    command: (source, destinations, options) => [slipwayCommand([executable], source, destinations, options)],
  },
  {
    // Unpacks each layer as well, and compares it with the config's diffID; no other program does.
    name: 'slipway --verify diffid',
    find: () => process.execPath,
    command: (source, destinations, options) =>
      source.archive === undefined && !source.isPlain // of a plain layer the digest is the diffID
        ? [[...slipwayCommand([process.execPath, slipway], source, destinations, options), '--verify', 'diffid']]
        : undefined,
  },
  {
    name: 'docker',
    version: (path) => [path, '--version'],
    daemonOf: (path, folder) => {
      const daemon = findProgram('dockerd', folder);
      return daemon !== undefined && process.getuid?.() === 0 ? new DockerDaemon(path, daemon) : undefined;
    },
    command: ({ archive }, destinations, { daemon, cores, memory }) =>
      archive === undefined || cores !== undefined || memory === true
        ? undefined
        : destinations.map((destination) => [...daemon.command, 'push', '--quiet', destination]),
  },
  {
    name: 'skopeo',
    compressions: ['gzip', 'zstd', 'zstd:chunked'],
    version: (path) => [path, '--version'],
    command: ({ archive, layout, isIndex, isPlain }, destinations, { path, isSecure, compression }) =>
      destinations.map((destination) => [
        path,
        '--insecure-policy',
        'copy',
        '--quiet',
        // Docker's manifests have no zstd layers.
        ...(compression === undefined ? [] : ['--dest-compress-format', compression, '--format', 'oci']),
        ...(isSecure ? [] : ['--dest-tls-verify=false']),
        ...(isIndex ? ['--all'] : []),
        ...(isPlain ? ['--preserve-digests'] : []), // it compresses plain layers otherwise
        archive === undefined ? `oci:${layout}:1` : `docker-archive:${archive}`,
        `docker://${destination}`,
      ]),
  },
  {
    name: 'crane',
    version: (path) => [path, 'version'],
    command: ({ archive, layout, isIndex }, destinations, { path, isSecure }) =>
      destinations.map((destination) => [
        path,
        'push',
        ...(isSecure ? [] : ['--insecure']),
        ...(isIndex ? ['--index'] : []),
        archive ?? layout,
        destination,
      ]),
  },
  {
    name: 'regctl',
    version: (path) => [path, 'version', '--format', '{{.VCSTag}}'],
    command: ({ archive, layout }, destinations, { path, isSecure }) =>
      destinations.map((destination) => [
        path,
        ...(isSecure ? [] : ['--host', `reg=${hostOf(destination)},tls=disabled`]),
        'image',
        ...(archive === undefined ? ['copy', `ocidir://${layout}:1`, destination] : ['import', destination, archive]),
      ]),
  },
  {
    name: 'oras',
    version: (path) => [path, 'version'],
    command: ({ archive, layout }, destinations, { path, isSecure }) =>
      archive === undefined
        ? destinations.map((destination) => [
            path,
            'cp',
            '--no-tty',
            ...(isSecure ? [] : ['--to-plain-http']),
            '--from-oci-layout',
            `${layout}:1`,
            destination,
          ])
        : undefined,
  },
];

function slipwayCommand(program, { archive, layout, isIndex }, destinations, { home, isSecure, compression }) {
  return [
    ...program,
    'push',
    archive ?? (isIndex ? layout : `oci:${layout}:1`),
    ...destinations,
    ...(isSecure ? [] : ['--plain-http']),
    ...(compression === undefined ? [] : ['--compression', compression, '--format', 'oci']),
    '--quiet',
    '--progress',
    'none',
    '--data-dir',
    join(home, 'slipway'),
  ];
}

/** The commands that make a program push; undefined where it cannot do that. */
export function commandsOf(program, source, destinations, options) {
  const { compression } = options;
  if (compression !== undefined && program.compressions?.includes(compression) !== true) return undefined;
  return program.command(source, destinations, { ...options, path: program.path, daemon: program.daemon });
}

/**
 * Those that are installed, as far as `wanted` names them, each with its path; in `folder` they are looked for first.
 */
export function installedPrograms(wanted, folder) {
  return programs
    .filter(({ name }) => wanted === undefined || wanted.includes(name.split(' ')[0]))
    .flatMap((program) => {
      const path = program.find ? program.find() : findProgram(program.name, folder);
      if (path === undefined || program.daemonOf === undefined) return path === undefined ? [] : [{ ...program, path }];
      const daemon = program.daemonOf(path, folder);
      return daemon === undefined ? [] : [{ ...program, path, daemon }];
    });
}

/** Where a program is, in `folder` or on PATH. */
export function findProgram(name, folder) {
  const path = folder === undefined ? undefined : resolve(folder, name);
  return path !== undefined && existsSync(path) ? path : findTool(name);
}

function hostOf(destination) {
  return destination.slice(0, destination.indexOf('/'));
}
