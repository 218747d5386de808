// What the two images are: their programs, how these are started, and what is said about them.
import { join } from 'node:path';
import { imageFrom, layerFrom } from '@slipway/client';
import { debianLayer, user, userLayer } from './base-layer.mjs';

const second = 1_000_000_000; // in Docker's health checks, nanoseconds

/** The images by name. */
export const programs = new Map([
  [
    'slipway',
    {
      title: 'slipway',
      description: 'Pushes container images to registries, without a Docker daemon',
      folders: [user.home],
      config: { WorkingDir: user.home },
    },
  ],
  [
    'slipwayd',
    {
      title: 'slipwayd',
      description: 'The part of the Docker Engine API that surrounds push, for docker, dockerode and build farms',
      folders: [user.home, '/run/slipway', '/var/lib/slipway'],
      config: {
        // As variables, so that the health check asks where the daemon listens, whatever a user sets.
        Env: { SLIPWAYD_DATA_DIR: '/var/lib/slipway', SLIPWAYD_HOST: 'unix:///run/slipway/slipway.sock' },
        Volumes: ['/var/lib/slipway'],
        StopSignal: 'SIGTERM',
        Healthcheck: {
          Test: ['CMD', '/usr/bin/slipwayd', 'health'],
          Interval: 30 * second,
          Timeout: 10 * second,
          StartPeriod: 30 * second,
          Retries: 3,
        },
      },
    },
  ],
]);

/** Platforms of images, by what the executables' targets are called. */
export const platforms = new Map([
  ['linux-x64', { os: 'linux', architecture: 'amd64' }],
  ['linux-arm64', { os: 'linux', architecture: 'arm64' }],
]);

/**
 * One program's image, for all targets that there are packages for: an index where they are several.
 *
 * @param {string} name of {@link programs}
 * @param {{ executables: string, version: string, revision: string, created: Date,
 * packages: Map<string, object[]> }} facts `packages` by target
 */
export async function programImage(name, { executables, version, revision, created, packages }) {
  const { title, description, folders, config } = programs.get(name);
  const labels = {
    'org.opencontainers.image.title': title,
    'org.opencontainers.image.description': description,
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.revision': revision,
    'org.opencontainers.image.created': created.toISOString().replace('.000Z', 'Z'),
    'org.opencontainers.image.source': 'https://github.com/slipway/slipway',
    'org.opencontainers.image.documentation': 'https://github.com/slipway/slipway/tree/main/docs/slipwayd',
    'org.opencontainers.image.licenses': 'Apache-2.0',
    'org.opencontainers.image.vendor': 'The Slipway authors',
  };
  const layers = new Map();
  const users = userLayer(folders);
  for (const [target, found] of packages) {
    const folder = join(executables, target);
    const program = layerFrom(folder, {
      to: '/usr/bin',
      include: [name],
      mode: 0o755,
      createdBy: `${name} ${version}`,
    });
    const notices = layerFrom(join(folder, `${name}.notices.txt`), {
      to: `/usr/share/doc/${name}/copyright`,
      mode: 0o644,
      createdBy: `licences of what is in ${name} ${version}`,
    });
    layers.set(platforms.get(target).architecture, [await debianLayer(found), users, notices, program]);
  }
  return imageFrom({
    platform: [...packages.keys()].map((target) => platforms.get(target)),
    layers: ({ architecture }) => layers.get(architecture),
    config: {
      User: String(user.uid),
      Entrypoint: [`/usr/bin/${name}`],
      ...config,
      Env: { PATH: '/usr/bin', HOME: user.home, ...config.Env },
      Labels: labels,
    },
    created,
    annotations: labels,
    format: 'oci',
  });
}
