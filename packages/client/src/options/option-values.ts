import type { Platform } from '@slipway/manifest';
import type {
  LayerKind,
  LegacyFormat,
  PushCompression,
  PushFormat,
  PushLearn,
  PushProtocol,
  PushVerify,
} from '@slipway/push';
import type { NondistributableChoice } from './value-kinds.ts';

/** Every option of a push by its name, with the type of its value. */
export interface OptionValues {
  readonly allTags: boolean;
  readonly into: boolean;
  readonly tags: string;
  readonly newerThan: Date;
  readonly platform: Platform;
  readonly referrers: boolean;
  readonly format: PushFormat | LegacyFormat;
  readonly protocol: PushProtocol;
  readonly compression: PushCompression | readonly LayerKind[];
  readonly recompress: boolean;
  readonly compressionLevel: number;
  readonly compressor: 'deflate' | 'zlib' | 'fflate';
  readonly verify: PushVerify;
  readonly concurrency: number;
  /** Bytes a second. */
  readonly limitRate: number;
  readonly maxRequestsPerSecond: number;
  readonly retries: number;
  readonly signKey: string;
  readonly signIdentity: string;
  readonly dryRun: boolean;
  readonly allowNondistributable: NondistributableChoice;
  readonly cache: boolean;
  readonly learn: PushLearn;
  readonly learnFrom: string;
  readonly force: boolean;
  readonly plainHttp: boolean;
  readonly insecure: boolean;
  readonly certDir: string;
  readonly authfile: string;
  /** Milliseconds. */
  readonly timeout: number;
  readonly username: string;
  readonly passwordStdin: boolean;
  readonly dockerMetadata: string;
  readonly dockerMetadataWrite: boolean;
  readonly dataDir: string;
  readonly progress: 'auto' | 'tty' | 'plain' | 'json' | 'none';
  readonly json: boolean;
  readonly quiet: boolean;
  readonly digestFile: string;
  readonly verbose: boolean;
}

/** The name of an option of a push. */
export type OptionName = keyof OptionValues;
