import type { InspectedImage } from '@slipway/image-store';
import { isVersionBelow } from '../system/api-version.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The answer of `GET /images/{name}/json`. */
export function imageInspection(image: InspectedImage, apiVersion: string): object {
  const config = image.config ?? {};
  const runtime = fieldsOf(config['config']);
  return {
    Id: image.id,
    RepoTags: image.tags,
    RepoDigests: image.digests,
    Parent: '',
    Comment: commentOf(config),
    Created: image.created,
    DockerVersion: textOf(config['docker_version']),
    Author: textOf(config['author']),
    Architecture: image.platform?.architecture ?? '',
    Variant: image.platform?.variant,
    Os: image.platform?.os ?? '',
    OsVersion: image.platform?.['os.version'],
    Size: image.size,
    ...(isVersionBelow(apiVersion, '1.44') && { VirtualSize: image.size }),
    GraphDriver: { Data: null, Name: 'slipway' },
    RootFS: { Type: 'layers', Layers: image.diffIDs.length === 0 ? undefined : image.diffIDs },
    Metadata: { LastTagTime: image.lastTagged ?? '0001-01-01T00:00:00Z' },
    Config: runtimeConfig(runtime),
  };
}

/** What docker shows whether it is set or not, then what is set besides. */
function runtimeConfig(runtime: Fields): object {
  const further = ['ExposedPorts', 'Healthcheck', 'StopSignal', 'Shell', 'ArgsEscaped'] as const;
  return {
    Cmd: runtime['Cmd'] ?? null,
    Entrypoint: runtime['Entrypoint'] ?? null,
    Env: runtime['Env'] ?? null,
    Labels: runtime['Labels'] ?? null,
    OnBuild: runtime['OnBuild'] ?? null,
    User: textOf(runtime['User']),
    Volumes: runtime['Volumes'] ?? null,
    WorkingDir: textOf(runtime['WorkingDir']),
    ...Object.fromEntries(further.flatMap((name) => (runtime[name] == null ? [] : [[name, runtime[name]]]))),
  };
}

/** That of the last step that has one, as docker keeps it. */
function commentOf(config: Fields): string {
  const own = textOf(config['comment']);
  const history = config['history'];
  if (own !== '' || !Array.isArray(history)) return own;
  return textOf(fieldsOf(history.at(-1))['comment']);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
