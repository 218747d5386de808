/**
 * Plans and runs one push: children before parents, each digest once.
 *
 * @packageDocumentation
 */

export { assertItem } from './assert-push.ts';
export { PushError, type PushErrorCode, type PushErrorDetails, type PushOperation, type PushOrigin } from './errors.ts';
export {
  type BlobRole,
  type BlobSubject,
  describeEvent,
  type PlannedBlob,
  type PushEvent,
  type PushTotals,
} from './events.ts';
export { pushDefaults } from './options.ts';
export type { DecisionReason } from './presence/decision-reason.ts';
export { progressShare } from './progress-share.ts';
export type {
  BlobTurn,
  ConnectOptions,
  Destination,
  DestinationIdentity,
  Endpoint,
  FirstQuestion,
  LayerKind,
  LegacyFormat,
  PushAllOptions,
  PushCompression,
  PushDelivery,
  Pusher,
  PusherOptions,
  PushFormat,
  PushLearn,
  PushOptions,
  PushProtocol,
  PushResult,
  PushVerify,
  SharedTurns,
  V1Endpoint,
} from './push.ts';
export { createPusher } from './pusher.ts';
export type { ImageSignature, PushSigning, Signature, Signer } from './sign/signer.ts';
export { continuesOnError, isRetryable } from './upload/retry-rules.ts';
