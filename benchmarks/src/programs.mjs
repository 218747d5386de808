import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTool } from '@slipway/testkit';

const slipway = fileURLToPath(new URL('../../apps/push-cli/bin/slipway.cjs', import.meta.url));

/**
 * The programs that push, and how each is asked. `command` gets what to push and where to, and returns the commands to
 * run one after the other, or undefined where the program cannot do that. `home` is a folder of the run's own: what a
 * program remembers from one push to the next lies there, except skopeo's and buildah's, which remember by registry.
 */
export const programs = [
  {
    name: 'slipway',
    find: () => process.execPath,
    command: (source, destinations, home) => [slipwayCommand(source, destinations, home)],
  },
  {
    // What skopeo checks of a layout too; the others check nothing.
    name: 'slipway --verify digest',
    find: () => process.execPath,
    command: (source, destinations, home) =>
      source.archive === undefined
        ? [[...slipwayCommand(source, destinations, home), '--verify', 'digest']]
        : undefined,
  },
  {
    name: 'skopeo',
    command: ({ archive, layout, isIndex }, destinations) =>
      destinations.map((destination) => [
        'skopeo',
        '--insecure-policy',
        'copy',
        '--quiet',
        '--dest-tls-verify=false',
        ...(isIndex ? ['--all'] : []),
        archive === undefined ? `oci:${layout}:1` : `docker-archive:${archive}`,
        `docker://${destination}`,
      ]),
  },
  {
    name: 'crane',
    command: ({ archive, layout, isIndex }, destinations) =>
      destinations.map((destination) => [
        'crane',
        'push',
        '--insecure',
        ...(isIndex ? ['--index'] : []),
        archive ?? layout,
        destination,
      ]),
  },
  {
    name: 'regctl',
    command: ({ archive, layout }, destinations) =>
      destinations.map((destination) =>
        archive === undefined
          ? [
              'regctl',
              '--host',
              `reg=${hostOf(destination)},tls=disabled`,
              'image',
              'copy',
              `ocidir://${layout}:1`,
              destination,
            ]
          : ['regctl', '--host', `reg=${hostOf(destination)},tls=disabled`, 'image', 'import', destination, archive],
      ),
  },
  {
    name: 'oras',
    command: ({ archive, layout }, destinations) =>
      archive === undefined
        ? destinations.map((destination) => [
            'oras',
            'cp',
            '--no-tty',
            '--to-plain-http',
            '--from-oci-layout',
            `${layout}:1`,
            destination,
          ])
        : undefined,
  },
];

function slipwayCommand({ archive, layout, isIndex }, destinations, home) {
  return [
    process.execPath,
    slipway,
    'push',
    archive ?? (isIndex ? layout : `oci:${layout}:1`),
    ...destinations,
    '--plain-http',
    '--quiet',
    '--progress',
    'none',
    '--data-dir',
    join(home, 'slipway'),
  ];
}

/** Those that are installed, as far as `wanted` names them. */
export function installedPrograms(wanted) {
  return programs
    .filter(({ name }) => wanted === undefined || wanted.includes(name.split(' ')[0]))
    .filter(({ name, find = () => findTool(name) }) => find() !== undefined);
}

function hostOf(destination) {
  return destination.slice(0, destination.indexOf('/'));
}
