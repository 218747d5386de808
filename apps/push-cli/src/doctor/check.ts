import type { RegistryEndpoint, TrackedCredentials } from '@slipway/client';
import type { Ping, Registry, RequestRecord } from '@slipway/registry-client';
import type { ProxyVariables } from '@slipway/registry-client/proxy';
import type { CommandContext } from '../command-context.ts';
import type { DoctorFlags } from '../commands/doctor.ts';
import type { DoctorTarget } from './doctor-target.ts';

/** How a check ended: `skipped` when there was nothing to look at, or what it needs did not work. */
export type CheckStatus = 'ok' | 'warning' | 'problem' | 'skipped';

/** What one check found. Nothing in it is secret. */
export interface Finding {
  readonly status: CheckStatus;
  /** In a sentence, without a full stop. */
  readonly summary: string;
  /** More of it, a line each. */
  readonly notes?: readonly string[] | undefined;
  /** The same as data, for `--json`. */
  readonly facts?: Readonly<Record<string, unknown>> | undefined;
  /** What to do. */
  readonly advice?: string | undefined;
  /** What was thrown: decides the exit code. */
  readonly error?: unknown;
}

/** One thing that is looked at. */
export interface Check {
  /** A word, for the report and for `--json`. */
  readonly name: string;
  run(scene: Scene): Promise<Finding>;
}

/** The way to the registry that answered. */
export interface Reached {
  readonly registry: Registry;
  readonly url: URL;
  readonly ping: Ping;
}

/** What the checks look at, and what they hand on to those that follow. */
export interface Scene {
  readonly context: CommandContext;
  readonly options: DoctorFlags;
  /** Undefined when only this machine is looked at. */
  readonly target: DoctorTarget | undefined;
  /** The ways to the registry, in the order to try them. */
  readonly endpoints: readonly RegistryEndpoint[];
  readonly proxies: ProxyVariables;
  readonly credentials: TrackedCredentials;
  /** The finished requests so far. */
  readonly requests: readonly RequestRecord[];
  /** Told what a user should know: it becomes part of the finding. */
  readonly warn: (message: string) => void;
  /** Set by the check of TLS, where the other side showed that it does not speak it, and that is allowed. */
  speaksNoTLS: boolean;
  /** Set by the check that reaches the registry. */
  reached: Reached | undefined;
}

/** What a check says that has no registry to ask. */
export function notReached({ target }: Scene): Finding {
  return { status: 'skipped', summary: target === undefined ? 'no registry is named' : 'no registry has answered' };
}
