import { availableParallelism, hostname, release, totalmem } from 'node:os';
import { parseInsecureRegistries } from '@slipway/registry-client';
import type { EngineContext } from '../../engine/engine-context.ts';
import type { RegisterRoutes } from '../../http/routes.ts';
import { isAllowed } from '../../security/scope.ts';
import { seenImages } from '../../security/seen-images.ts';
import { version } from '../../version.ts';
import { sendJSON } from '../stream/send-json.ts';
import { maxApiVersion, minApiVersion } from './api-version.ts';

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

/** `_ping`, `version` and `info`: what a client asks before anything else. */
export const registerSystemRoutes: RegisterRoutes<Pick<EngineContext, 'config' | 'store'>> = (
  app,
  { config, store },
) => {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/_ping',
    config: { access: 'open' },
    handler: async (request, reply) => {
      reply.headers({
        'cache-control': 'no-cache, no-store, must-revalidate',
        pragma: 'no-cache',
        swarm: 'inactive',
        'builder-version': '2',
        'content-type': 'text/plain; charset=utf-8',
      });
      return request.method === 'HEAD' ? reply.header('content-length', '0').send() : reply.send('OK');
    },
  });

  app.get('/version', { config: { access: 'read' } }, async (_request, reply) =>
    sendJSON(reply, {
      Platform: { Name: 'Slipway' },
      Components: [
        {
          Name: 'Engine',
          Version: version,
          Details: {
            ApiVersion: maxApiVersion,
            Arch: architecture,
            BuildTime: '',
            Experimental: 'false',
            GitCommit: '',
            GoVersion: '',
            KernelVersion: release(),
            MinAPIVersion: minApiVersion,
            NodeVersion: process.version,
            Os: 'linux',
          },
        },
      ],
      Version: version,
      ApiVersion: maxApiVersion,
      MinAPIVersion: minApiVersion,
      GitCommit: '',
      GoVersion: '',
      Os: 'linux',
      Arch: architecture,
      KernelVersion: release(),
      BuildTime: '',
    }),
  );

  app.get('/info', { config: { access: 'read', needsFolder: true } }, async (request, reply) => {
    // Where things lie on this machine is its operator's to know.
    const place = isAllowed(request.principal.scopes, { kind: 'admin' }) ? config.dataDir : '';
    const { hosts, ranges } = parseInsecureRegistries(config.insecureRegistries);
    const insecure = hosts.map((name) => [name, { Name: name, Mirrors: [], Secure: false, Official: false }] as const);
    return sendJSON(reply, {
      ID: hostname(),
      Containers: 0,
      ContainersRunning: 0,
      ContainersPaused: 0,
      ContainersStopped: 0,
      Images: (await seenImages(store, request.principal).list()).length,
      Driver: 'slipway',
      DriverStatus: place === '' ? [] : [['Data folder', place]],
      Plugins: { Volume: [], Network: [], Authorization: null, Log: [] },
      MemoryLimit: false,
      SwapLimit: false,
      NFd: 0,
      NGoroutines: 0,
      SystemTime: new Date().toISOString(),
      LoggingDriver: 'none',
      CgroupDriver: 'none',
      NEventsListener: 0,
      KernelVersion: release(),
      OperatingSystem: 'Slipway',
      OSVersion: '',
      OSType: 'linux',
      Architecture: process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : process.arch,
      IndexServerAddress: 'https://index.docker.io/v1/',
      RegistryConfig: {
        InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8', ...ranges],
        IndexConfigs: {
          'docker.io': { Name: 'docker.io', Mirrors: [], Secure: true, Official: true },
          ...Object.fromEntries(insecure),
        },
        Mirrors: [],
      },
      NCPU: availableParallelism(),
      MemTotal: totalmem(),
      GenericResources: null,
      DockerRootDir: place,
      HttpProxy: '',
      HttpsProxy: '',
      NoProxy: '',
      Name: hostname(),
      Labels: [],
      ExperimentalBuild: false,
      ServerVersion: version,
      Runtimes: {},
      DefaultRuntime: '',
      Swarm: {
        NodeID: '',
        NodeAddr: '',
        LocalNodeState: 'inactive',
        ControlAvailable: false,
        Error: '',
        RemoteManagers: null,
      },
      LiveRestoreEnabled: false,
      Isolation: '',
      InitBinary: '',
      ContainerdCommit: { ID: '' },
      RuncCommit: { ID: '' },
      InitCommit: { ID: '' },
      SecurityOptions: [],
      Warnings: null,
    });
  });
};
