import type { UploadSession } from '@slipway/registry-client';
import { codeOf } from '../error-code.ts';
import { PushError } from '../errors.ts';
import type { BlobForm, FormReader } from '../form/form.ts';
import { BeyondEnd, FormFailure } from '../form/form-failure.ts';
import { awaitBlob, identifyBlob } from '../form/identify-blob.ts';
import { smallLayer } from '../form/small-layer.ts';
import { type ProvenIdentity, provenByContent } from '../knowledge.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';
import type { BlobAttemptOptions } from '../presence/attempts.ts';
import { isSeen, isSizeSure } from '../presence/existence.ts';
import type { BlobOutcome } from '../presence/outcome.ts';
import type { Target } from '../presence/target.ts';
import { ChunksRefused } from './chunks.ts';
import { cutOffOf, UploadCutOff } from './cut-off.ts';
import { UploadPlace } from './place.ts';
import { destinationErrorOf, isBusy, isRetryable } from './retry-rules.ts';
import { sendBlob } from './send.ts';
import { resumeSession, sessionSubject, tellLost } from './sessions.ts';
import type { ShapeSubject, UploadShape, UploadShapes } from './shapes.ts';

/** How often in one attempt a blob is made anew because its kept copy was damaged or taken away. */
const mostCopies = 3;

export interface UploadOptions extends BlobAttemptOptions {
  /** Whether the registry may be asked whether it has the blob, and believed. */
  readonly mayAsk: boolean;
  /** A session that a declined mount left open. It is used, or disposed of. */
  readonly leftOpen: UploadSession | undefined;
}

/** Sends blobs to one registry, in the shapes that it takes: what one blob has found out, all others know. */
export class Uploader {
  readonly #shapes: UploadShapes;
  readonly #tellPiecesOnce = once();
  readonly #tellWholeOnce = once();
  #mountsFromItself: boolean;

  constructor(shapes: UploadShapes) {
    this.#shapes = shapes;
    this.#mountsFromItself = shapes.profile.mountsFromItself;
  }

  /**
   * Sends a blob that the repository is not known to have. A refused shape and a damaged copy cost a request and
   * neither an attempt nor a wait.
   *
   * @throws {PushError} ERR_PUSH_FAILED, with its origin
   */
  async upload(blob: BlobToPush, form: BlobForm, target: Target, options: UploadOptions): Promise<BlobOutcome> {
    const { attempts, signal } = options;
    let { leftOpen } = options;
    for (let copies = 0; ; ) {
      const attempt: UploadAttempt = { blob, form, target, options, sent: 0, acknowledged: 0 };
      try {
        const taken = leftOpen;
        leftOpen = undefined;
        return await this.#uploadOnce(attempt, taken);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof FormFailure && error.side === 'copy' && copies < mostCopies) {
          copies += 1;
          await attempts.reader?.[Symbol.asyncDispose]();
          attempts.reader = undefined;
          continue;
        }
        const { shape, subject } = attempt;
        const there = isEarly(error) ? await this.#hadAlready(attempt) : undefined;
        if (there !== undefined) return there;
        attempts.mayBeThere ||= isSilence(error) && attempt.sent > 0 && attempt.sent === form.identity?.size;
        if (shape !== undefined && subject !== undefined) {
          if (this.#shapes.learn(shape, { ...subject, acknowledged: attempt.acknowledged }, error)) continue;
          const failure = this.#learnCut(attempt, shape, subject, error);
          if (failure === undefined) continue;
          this.#tellStartingOver(attempt, shape, subject, error);
          throw failure;
        }
        throw error;
      }
    }
  }

  /**
   * Goes on in smaller pieces where uploads are cut off. Returns the failure to tell when there is nothing to try at
   * once.
   */
  #learnCut(attempt: UploadAttempt, shape: UploadShape, subject: ShapeSubject, error: unknown): unknown {
    const { sent, acknowledged, target, blob, options } = attempt;
    const { attempts } = options;
    const left = subject.identity && subject.size - acknowledged;
    const requestSize = shape.kind === 'chunks' ? Math.min(shape.size, left ?? shape.size) : left;
    const cut = cutOffOf(destinationErrorOf(error), { sent, acknowledged, requestSize });
    if (cut === undefined) return error;
    attempts.cutsInARow += 1;
    const { registry } = target.repository;
    if (this.#shapes.learnCut(shape, subject, { ...cut, mayLower: attempts.cutsInARow > 1 })) {
      this.#tellPiecesOnce(() =>
        target.emit({
          type: 'warning',
          destination: target.destination,
          code: 'upload-cut-off',
          message:
            `${registry}, or a proxy before it, cuts uploads off: the one of ${blob.id} after at most ` +
            `${cut.sent} bytes. Large blobs go in smaller pieces from now on`,
        }),
      );
      return undefined;
    }
    if (attempts.cutsInARow === 1) return error;
    return new UploadCutOff({
      registry,
      cuts: attempts.cutsInARow,
      sent: cut.sent,
      pieceSize: shape.kind === 'chunks' ? shape.size : undefined,
      obstacle: this.#shapes.obstacleToPieces(subject),
      cause: error,
    });
  }

  async #uploadOnce(attempt: UploadAttempt, leftOpen: UploadSession | undefined): Promise<BlobOutcome> {
    await using declined = leftOpen; // also where compressing fails before anything is sent
    const { blob, form, options } = attempt;
    const identity = await this.#identityBeforeSending(blob, form, options);
    const size = identity?.size ?? form.readTotal;
    const whole: ShapeSubject = { size, identity, isKept: form.isKept };
    attempt.subject = whole;
    attempt.shape = this.#shapes.choose(whole);
    const resumed = this.#shapes.mayGoOn(whole) ? await resumeSession(attempt) : undefined;
    if (resumed !== undefined) attempt.subject = { ...whole, isBegun: resumed.offset > 0 };
    if (resumed !== undefined) {
      await using session = resumed;
      try {
        return await this.#send(attempt, session, { isDeclinedMount: false, isResumed: true });
      } catch (error) {
        if (!(error instanceof BeyondEnd)) throw error;
        tellLost(attempt, resumed.offset, error);
        options.attempts.furthest = 0;
        attempt.subject = whole;
      }
    }
    const begun = declined ?? (await this.#begin(attempt, identity));
    if ('kind' in begun) return begun;
    if (begun === declined) return await this.#send(attempt, declined, { isDeclinedMount: true, isResumed: false });
    await using session = begun;
    return await this.#send(attempt, session, { isDeclinedMount: false, isResumed: false });
  }

  async #send(
    attempt: UploadAttempt,
    session: UploadSession,
    { isDeclinedMount, isResumed }: { readonly isDeclinedMount: boolean; readonly isResumed: boolean },
  ): Promise<BlobOutcome> {
    const { blob, form, target, options, subject } = attempt as Required<UploadAttempt>;
    const { attempts, signal, onProgress, onStoring, onAcknowledged } = options;
    if (session.maxChunkSize !== undefined) this.#shapes.limit(session.maxChunkSize);
    const shape = this.#shapes.choose(subject);
    attempt.shape = shape;
    attempt.sent = session.offset;
    const { memory } = target;
    const place = new UploadPlace({
      memory,
      subject: sessionSubject(blob, form, subject.identity),
      stride: this.#shapes.chunkSize,
    });
    // The registry keeps what a request has brought that is no PUT.
    const notesBeginning = memory.hasTurns && shape.kind !== 'put' && form.isKept;
    const mayContinue = shape.kind === 'stream' && this.#shapes.mayContinue(subject);
    const isNoted = shape.kind === 'chunks' || mayContinue || notesBeginning || isResumed;
    const acknowledge = (offset: number): boolean => {
      attempt.acknowledged = offset;
      onAcknowledged(offset);
      const isFurther = offset > attempts.furthest;
      if (isFurther) attempts.furthest = offset;
      return isFurther;
    };
    if (session.offset > 0)
      acknowledge(session.offset); // also what it kept of a request that was cut off
    // Whoever is killed before an acknowledgement is noted leaves the place where the registry can be asked.
    else if (notesBeginning) await place.note(session);
    try {
      const identity = await sendBlob(form, readerOf(form, options), session, {
        subject: `${blob.role} ${blob.id}`,
        shape,
        mayContinue,
        signal,
        onProgress(progress) {
          attempt.sent = progress.sent;
          if (mayContinue) place.passed(session, progress.sent);
          onProgress(progress);
        },
        onStoring,
        onAcknowledged: async (acknowledged) => {
          this.#shapes.passed();
          if (acknowledge(acknowledged.offset)) attempts.cutsInARow = 0;
          await place.note(acknowledged);
        },
      });
      if (isNoted) await place.drop();
      memory.add(blob, identity);
      return { kind: 'pushed', identity };
    } catch (error) {
      if (isDeclinedMount || subject.identity !== undefined) attempts.mountsTrusted = false;
      // Of a stream, nobody knows yet what the registry has.
      const reached = mayContinue ? Math.max(session.offset, attempt.sent) : session.offset;
      if (isNoted && reached > 0 && isWorthKeeping(error)) {
        session.keep();
        // One that was taken up is in nobody's notes any more.
        await place.note({ location: session.location, offset: reached });
      } else if (isNoted) await place.drop();
      throw error;
    }
  }

  /** What a registry has already it need not read again: that it has it counts once it says so when asked. */
  async #hadAlready({ blob, target, options, subject }: UploadAttempt): Promise<BlobOutcome | undefined> {
    const { mayAsk, signal } = options;
    const identity = subject?.identity;
    if (identity === undefined || !mayAsk || !target.presence.believes(identity.digest)) return undefined;
    if ((await isSeen(identity, target, { signal })) !== true) return undefined;
    target.memory.add(blob, identity);
    return { kind: 'existed', identity, learnt: false };
  }

  /** Opens a session, or finds that the blob is there. */
  async #begin(
    { blob, target, options }: UploadAttempt,
    identity: ProvenIdentity | undefined,
  ): Promise<UploadSession | BlobOutcome> {
    const { attempts, signal, mayAsk } = options;
    const { repository, presence } = target;
    const mayBelieve = identity !== undefined && mayAsk && presence.believes(identity.digest);
    if (mayBelieve && attempts.mayBeThere) {
      attempts.mayBeThere = false;
      if ((await isSeen(identity, target, { signal })) === true) {
        target.memory.add(blob, identity);
        return { kind: 'pushed', identity };
      }
    }
    if (mayBelieve && attempts.mountsTrusted && this.#mountsFromItself) {
      // Asking to mount from the repository itself opens the session and says whether the blob is there (decision
      // 0071).
      const mount = { digest: identity.digest, from: repository.path };
      const asked = await repository.beginUpload({ mount, signal }).catch((error: unknown) => {
        signal?.throwIfAborted();
        if (isBusy(error)) throw error; // waited for, and asked again
        return undefined;
      });
      if (asked?.kind === 'session') return asked.session;
      if (asked?.kind === 'mounted') {
        if (await isSizeSure(blob, identity, target, { signal })) {
          target.memory.add(blob, identity);
          return { kind: 'existed', identity, learnt: false };
        }
      } else {
        // No failure of the push: nobody else asks this question, and a plain session may still be had.
        this.#mountsFromItself = false;
      }
    }
    const begun = await repository.beginUpload({ signal });
    if (begun.kind === 'session') return begun.session;
    throw new Error('unreachable: nothing was asked to be mounted');
  }

  async #identityBeforeSending(
    blob: BlobToPush,
    form: BlobForm,
    options: UploadOptions,
  ): Promise<ProvenIdentity | undefined> {
    const { signal } = options;
    const known = form.identity ?? (await form.recall({ signal }));
    if (known !== undefined) return provenByContent(known);
    // Takes hold of what is going to be made: a cache that is too small lets it go before it is sent.
    if (form.isKept) await awaitBlob(blob, readerOf(form, options), { signal });
    const isSmall = form.readTotal <= smallLayer;
    if (this.#shapes.needsDigestFirst(form.readTotal, form.isKept) || (form.isKept && isSmall))
      return provenByContent(await identifyBlob(blob, form, { signal }));
    return form.identity && provenByContent(form.identity);
  }

  /** Says once that a registry makes a large blob begin anew after each interruption. */
  #tellStartingOver({ blob, target }: UploadAttempt, shape: UploadShape, { size }: ShapeSubject, error: unknown): void {
    if (shape.kind === 'chunks' || size <= this.#shapes.chunkedFrom || !isRetryable(error)) return;
    this.#tellWholeOnce(() =>
      target.emit({
        type: 'warning',
        destination: target.destination,
        code: 'upload-not-resumable',
        message:
          `${target.repository.registry} takes a blob in one piece only: the upload of ${blob.id} starts again ` +
          'from its beginning',
      }),
    );
  }
}

/** One try in one shape. */
export interface UploadAttempt {
  readonly blob: BlobToPush;
  readonly form: BlobForm;
  readonly target: Target;
  readonly options: UploadOptions;
  /** What is to be sent, once that is known. */
  subject?: ShapeSubject;
  /** How it is sent; changes when the session turns out to have limits. */
  shape?: UploadShape;
  /** Bytes that the registry may have. */
  sent: number;
  /** Bytes that it said it has. */
  acknowledged: number;
}

/** Runs what it is given the first time only: what holds for the registry need not be said of each blob. */
function once(): (tell: () => void) => void {
  let isTold = false;
  return (tell) => {
    if (!isTold) tell();
    isTold = true;
  };
}

/** What one attempt has read and proven, the next need not read again. */
function readerOf(form: BlobForm, { attempts }: UploadOptions): FormReader {
  attempts.reader ??= form.reader();
  return attempts.reader;
}

/**
 * Whether the session and what it has may serve the next attempt: the registry has not refused it, and the source is
 * whole.
 */
function isWorthKeeping(error: unknown): boolean {
  if (error instanceof ChunksRefused || error instanceof FormFailure || error instanceof BeyondEnd) return false;
  if (error instanceof PushError && error.origin === 'source') return false;
  if (codeOf(error) === 'ERR_SESSION_LOST') return false;
  const answer = destinationErrorOf(error);
  if (answer?.status === undefined) return true;
  return answer.transient && (answer.status >= 500 || answer.status === 429);
}

/** Nothing came back, or only a gateway's word: the registry may have done the work. */
function isSilence(error: unknown): boolean {
  const answer = destinationErrorOf(error);
  return answer !== undefined && (answer.status === undefined || answer.status >= 500);
}

/** It said that it has the content before it was sent all of it. */
function isEarly(error: unknown): boolean {
  return destinationErrorOf(error)?.reason === 'answered-early';
}
