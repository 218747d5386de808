/**
 * Opens images of a Docker daemon through its Engine API. A door of its own, so that who reads archives only needs no
 * HTTP client.
 *
 * @packageDocumentation
 */
export {
  type DaemonEndpoint,
  type DaemonEnvironment,
  type DaemonTls,
  defaultDaemonHost,
  findDaemonEndpoint,
} from './docker/daemon-endpoint.ts';
export { type DaemonSourceOptions, openDaemonSource } from './docker/daemon-source.ts';
