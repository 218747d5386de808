/**
 * What every registry must do, as the conformance cases of the OCI distribution spec, v1.1.1.
 *
 * @packageDocumentation
 */
import { describe, test } from 'vitest';
import { Client } from './suite/client.ts';
import { discoveryCases } from './suite/discovery-cases.ts';
import { managementCases } from './suite/management-cases.ts';
import { pullCases } from './suite/pull-cases.ts';
import { blobCases, chunkCases, mountCases } from './suite/push-blob-cases.ts';
import { manifestCases } from './suite/push-manifest-cases.ts';

/** A registry to try. It is opened for each case anew. */
export interface RegistryUnderTest extends AsyncDisposable {
  /** With the scheme, without a slash at its end: `http://127.0.0.1:5000`. */
  readonly url: string;
}

export interface ConformanceOptions {
  /**
   * Cases the registry is known to fail, by name, with the reason. They are run, and must fail: the list stays true.
   */
  readonly differences?: Readonly<Record<string, string>> | undefined;
  /** Whether the registry mounts without `from`. @default false */
  readonly anonymousMount?: boolean | undefined;
}

/** Runs every case against a registry: pull, push, content discovery, content management. */
export function distributionConformanceSuite(
  name: string,
  open: () => Promise<RegistryUnderTest>,
  { differences = {}, anonymousMount = false }: ConformanceOptions = {},
): void {
  function rule(text: string, run: (client: Client) => Promise<void>): void {
    const reason = differences[text];
    const define = reason === undefined ? test : test.fails;
    define(reason === undefined ? text : `${text} (not here: ${reason})`, async () => {
      await using registry = await open();
      await run(new Client(registry.url));
    });
  }

  describe(`${name} conforms to the distribution spec`, () => {
    describe('pull', () => pullCases(rule));
    describe('push', () => {
      blobCases(rule);
      chunkCases(rule);
      mountCases(rule, anonymousMount);
      manifestCases(rule);
    });
    describe('content discovery', () => discoveryCases(rule));
    describe('content management', () => managementCases(rule));
  });
}
