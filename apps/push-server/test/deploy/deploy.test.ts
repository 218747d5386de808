// The files of docs/slipwayd that people deploy with: right by the schemas and grammars of those who read them, with
// settings that the daemon takes, and metrics that it tells.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parser } from '@prometheus-io/lezer-promql';
import { temporaryFolder } from '@slipway/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readConfig } from '../../src/config/read-config.ts';
import { startTestDaemon } from '../daemon-fixture.ts';

const folder = fileURLToPath(new URL('../../../../docs/slipwayd', import.meta.url));
const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
/** The kinds of each version of the API that is used, with its schemas. */
const modelsOf: Readonly<Record<string, () => Promise<unknown>>> = {
  'apps/v1': () => import('kubernetes-models/apps/v1'),
  'networking.k8s.io/v1': () => import('kubernetes-models/networking.k8s.io/v1'),
  'policy/v1': () => import('kubernetes-models/policy/v1'),
  v1: () => import('kubernetes-models/v1'),
};
/** Of the images, by tools/images. */
const user = 65_532;

describe('compose.yaml', () => {
  test('has settings that the daemon takes, and runs as the user of the image', async () => {
    const { services, volumes } = parse(await read('compose.yaml')) as Compose;
    const { environment, healthcheck, ...slipwayd } = services['slipwayd']!;
    const { hosts, redis, shutdownTimeoutMs } = await readConfig({
      flags: {},
      variables: environment,
      file: undefined,
    });
    expect(hosts).toEqual(['unix:///run/slipway/slipway.sock']);
    expect(redis).toBe(`redis://${Object.keys(services)[1]}:6379`);
    expect(healthcheck.test).toEqual(['CMD', '/usr/bin/slipwayd', 'health']);
    expect(slipwayd).toMatchObject({ user: `${user}:0`, read_only: true, cap_drop: ['ALL'] });
    expect(shutdownTimeoutMs).toBeLessThan(Number.parseInt(slipwayd.stop_grace_period, 10) * 1000);
    for (const { image } of Object.values(services)) expect(image).toMatch(/^\$\{[A-Z_]+:\?.+\}$/);
    const mounted = Object.values(services).flatMap((service) => service.volumes.map((each) => each.split(':')[0]!));
    expect(mounted.filter((name) => !name.startsWith('./')).sort()).toEqual(Object.keys(volumes).sort());
  });
});

describe('slipwayd.service and slipwayd.socket', () => {
  test('start the daemon with settings that it takes, on the socket that systemd opens', async () => {
    const service = unitOf(await read('slipwayd.service'));
    const socket = unitOf(await read('slipwayd.socket'));
    expect(service.get('Type')).toBe('notify');
    expect(service.get('NotifyAccess')).toBe('all');
    expect(socket.get('ListenStream')).toMatch(/^\/run\/\S+$/);
    const [, program, ...flags] = service.get('ExecStart')!.split(' ');
    expect(program).toBe('slipwayd');
    const given = flagsOf(flags);
    expect(given['host']).toEqual(['fd://']);
    await readConfig({ flags: { ...given, config: undefined }, variables: {}, file: join(folder, 'slipwayd.json') });
    expect(service.get('ExecStartPre')).toContain(`--check-config --config ${given['config']}`);
  });
});

describe('the manifests for Kubernetes', () => {
  let objects: readonly KubernetesObject[];

  beforeAll(async () => {
    const names = (await readdir(join(folder, 'kubernetes'))).filter((name) => name.endsWith('.yaml'));
    const files = names.filter((name) => name !== 'kustomization.yaml');
    const { resources } = parse(await read('kubernetes/kustomization.yaml')) as { readonly resources: string[] };
    expect([...resources].sort()).toEqual(files.sort());
    const texts = await Promise.all(files.map((name) => read(`kubernetes/${name}`)));
    objects = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject));
  }, 60_000);

  test('are what the API takes', async () => {
    expect(objects.length).toBeGreaterThan(6);
    for (const object of objects) {
      const version = object.apiVersion;
      const models = (await modelsOf[version]?.()) as Readonly<Record<string, Model>> | undefined;
      const Kind = models?.[object.kind];
      if (Kind === undefined) throw new Error(`${version} has no ${object.kind}`);
      expect(() => new Kind(object).validate(), `${object.kind} ${object.metadata.name}`).not.toThrow();
    }
    // The check itself finds what is wrong.
    const { StatefulSet } = (await modelsOf['apps/v1']!()) as Readonly<Record<string, Model>>;
    expect(() => new StatefulSet!({ ...objects[0]!, spec: { replicas: 'two' } }).validate()).toThrow();
  }, 60_000);

  test('name each other, and give no more rights than are needed', () => {
    const services = objects.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
    const sets = objects.filter(({ kind }) => kind === 'StatefulSet');
    expect(sets.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(['slipwayd', 'redis']));
    for (const { spec } of sets) {
      expect(services).toContain(spec.serviceName);
      const { labels } = spec.template.metadata;
      expect(labels).toEqual(spec.selector.matchLabels);
      const { securityContext, containers, volumes = [] } = spec.template.spec;
      expect(securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: expect.any(Number) });
      const there = [...volumes, ...spec.volumeClaimTemplates.map(({ metadata }) => metadata)].map(({ name }) => name);
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.volumeMounts.filter(({ name }) => !there.includes(name))).toEqual([]);
      }
    }
  });

  test('have settings that the daemon takes, on the port that is asked for its health', async () => {
    const slipwayd = objects.find(({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === 'slipwayd')!;
    const { securityContext, containers, volumes, terminationGracePeriodSeconds } = slipwayd.spec.template.spec;
    const [container] = containers;
    expect(securityContext.runAsUser).toBe(user);
    const flags = flagsOf(container!.args);
    await using work = await temporaryFolder();
    // Where the files are in the container.
    await mkdir(join(work.path, 'config'));
    const file = join(work.path, 'config', String(flags['config']).split('/').at(-1)!);
    await writeFile(file, await read('kubernetes/slipwayd.json'));
    const variables = Object.fromEntries(container!.env!.map(({ name, value }) => [name, value]));
    const config = await readConfig({ flags: { ...flags, config: undefined }, variables, file });
    const [port] = container!.ports;
    expect(config.hosts).toEqual([`tcp://0.0.0.0:${port!.containerPort}`]);
    expect(config.shutdownTimeoutMs).toBeLessThan(terminationGracePeriodSeconds! * 1000);
    const places = container!.volumeMounts.map(({ mountPath }) => mountPath);
    for (const path of [config.dataDir, config.tlsCert, config.tlsKey, config.tlsCa, String(flags['config'])]) {
      expect(
        places.some((place) => path!.startsWith(place)),
        path,
      ).toBe(true);
    }
    for (const probe of [container!.livenessProbe, container!.readinessProbe, container!.startupProbe]) {
      expect(probe!.httpGet).toMatchObject({ port: port!.name, scheme: 'HTTPS', path: expect.stringMatching(/z$/) });
    }
    expect(volumes!.map(({ name }) => name)).toContain('tls');
  });
});

describe('the rules and the dashboard', () => {
  let told: ReadonlySet<string>;

  beforeAll(async () => {
    await using server = await startTestDaemon();
    const { body } = await server.request('GET', '/metrics');
    const names = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
      type === 'histogram' ? ['_bucket', '_count', '_sum'].map((part) => `${name}${part}`) : [name],
    );
    // Prometheus makes the one, a daemon with --redis tells the other.
    told = new Set([...names, 'up', 'slipwayd_redis_up']);
  });

  test('each expression of the rules is PromQL about metrics that there are', async () => {
    const { groups } = parse(await read('prometheus-alerts.yml')) as Rules;
    const rules = groups.flatMap(({ rules: each }) => each);
    expect(rules.length).toBeGreaterThan(5);
    for (const { alert, expr, annotations, labels } of rules) {
      expect(
        metricsIn(expr).filter((name) => !told.has(name)),
        alert,
      ).toEqual([]);
      expect(Object.keys(annotations).sort(), alert).toEqual(['description', 'summary']);
      expect(['warning', 'critical'], alert).toContain(labels.severity);
    }
    expect(() => metricsIn('sum(rate(a[5m]')).toThrow('no PromQL');
  });

  test('each panel of the dashboard shows metrics that there are', async () => {
    const { panels, templating } = JSON.parse(await read('grafana-dashboard.json')) as Dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, targets } of panels) {
      for (const { expr } of targets) {
        const names = metricsIn(expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'));
        expect(names.length, title).toBeGreaterThan(0);
        expect(
          names.filter((name) => !told.has(name)),
          title,
        ).toEqual([]);
      }
    }
    for (const { definition } of templating.list.filter((each) => each.type === 'query')) {
      expect(told).toContain(/^label_values\((\w+), \w+\)$/.exec(definition!)?.[1]);
    }
  });
});

/** The names of metrics in an expression. @throws when it is no PromQL */
function metricsIn(expression: string): readonly string[] {
  const names: string[] = [];
  parser.parse(expression).iterate({
    enter({ name, type, from, to }) {
      if (type.isError) throw new Error(`${JSON.stringify(expression)} is no PromQL at ${from}`);
      const text = expression.slice(from, to);
      if (name === 'VectorSelector') names.push(/^\w+/.exec(text)?.[0] ?? text);
    },
  });
  return names;
}

/** The assignments of a unit; the last counts. */
function unitOf(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/^([A-Za-z]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));
}

/** `--name value` pairs, as the command line gives them; --host may stand more than once. */
function flagsOf(args: readonly string[]): Readonly<Record<string, unknown>> {
  const pairs = Array.from({ length: args.length / 2 }, (_, at) => [args[2 * at]!.slice(2), args[2 * at + 1]!]);
  return Object.fromEntries(pairs.map(([name, value]) => [name, name === 'host' ? [value] : value]));
}

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly environment: Readonly<Record<string, string>>;
        readonly healthcheck: { readonly test: readonly string[] };
        readonly volumes: readonly string[];
        readonly stop_grace_period: string;
      }
    >
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

interface Named {
  readonly name: string;
}

interface Container {
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext: unknown;
  readonly livenessProbe?: { readonly httpGet: unknown };
  readonly readinessProbe?: { readonly httpGet: unknown };
  readonly startupProbe?: { readonly httpGet: unknown };
}

interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Named;
  readonly spec: {
    readonly serviceName: string;
    readonly selector: { readonly matchLabels: unknown };
    readonly volumeClaimTemplates: readonly { readonly metadata: Named }[];
    readonly template: {
      readonly metadata: { readonly labels: unknown };
      readonly spec: {
        readonly securityContext: { readonly runAsUser: number };
        readonly containers: readonly Container[];
        readonly volumes?: readonly Named[];
        readonly terminationGracePeriodSeconds?: number;
      };
    };
  };
}

type Model = new (object: unknown) => { validate(): void };

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly labels: { readonly severity: string };
      readonly annotations: Readonly<Record<string, string>>;
    }[];
  }[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly type: string; readonly definition?: string }[] };
}
