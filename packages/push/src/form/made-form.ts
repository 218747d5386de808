import type { AbortOptions, Digest, FormNotes } from '@slipway/digest';
import type { LayerCache } from '@slipway/layer-cache';
import { abortable } from '@slipway/transfer';
import { answered } from '../answered.ts';
import { codeOf } from '../error-code.ts';
import type { BlobForm, BlobIdentity, FormReader } from './form.ts';
import { type FormBytes, Moved, type ReadableForm } from './form-bytes.ts';
import { asFormFailure, FormFailure } from './form-failure.ts';
import { openFormReader } from './form-reader.ts';
import { Gate } from './gate.ts';
import { looksIncompressible } from './incompressible-layer.ts';
import { LayerCompression, type LayerCompressionOptions } from './layer-compression.ts';
import { NotLean } from './lean-form.ts';
import { DirectRun } from './runs/direct-run.ts';
import { GrowingRun } from './runs/growing-run.ts';
import { keptRun } from './runs/kept-run.ts';
import { LeanRun } from './runs/lean-run.ts';
import type { RecentMemory } from './runs/recent-memory.ts';
import type { Run, RunOwner } from './runs/run.ts';
import { smallLayer } from './small-layer.ts';

export interface MadeFormOptions extends LayerCompressionOptions {
  readonly cache: LayerCache | undefined;
  /**
   * Passed by what is compressed before it is sent: more at once than there are cores costs memory and saves no time.
   */
  readonly gate: Gate;
  /** For uploads that keep pace with the compressing; shared by all layers. */
  readonly recentMemory: RecentMemory;
  /** Aborts when the push ends; a computation outlives the one destination that began it. */
  readonly signal: AbortSignal;
}

/** Of whose bytes a reader has taken hold: one map for all layers, of which there may be thousands. */
const takenOf = new WeakMap<FormBytes, Run>();

/** Copies that may turn out to be damaged or gone, before the layer is compressed without the cache. */
const mostBadCopies = 2;

/**
 * A layer that is compressed here: once, into the cache, from where every destination and every retry reads, also while
 * it still grows. One that cannot be compressed is made of the source again for each reader (decision 0062); so is any
 * layer where nothing can be kept. A kept copy that is damaged or gone is removed, and the layer is compressed again.
 */
export class MadeForm implements BlobForm, ReadableForm {
  readonly recipe: string;
  readonly readTotal: number;
  readonly check: undefined;
  readonly rereading: Gate = new Gate(1);
  readonly #options: MadeFormOptions;
  readonly #compression: LayerCompression;
  #cache: LayerCache | undefined;
  #identity: BlobIdentity | undefined;
  /** By digest: what a reader has proven, it knows no notes of. */
  readonly #notes = new Map<Digest, FormNotes>();
  #starting: Promise<Run> | undefined;
  #run: Run | undefined;
  /** All that were begun: one that was dropped may still run. */
  readonly #runs = new Set<Run>();
  #isPrepared = false;
  #mayBeLean = true;
  #badCopies = 0;
  #removing: Promise<void> | undefined;

  constructor(options: MadeFormOptions) {
    this.#options = options;
    this.#compression = new LayerCompression(options);
    this.#cache = options.cache;
    this.recipe = options.compressor.recipe;
    this.readTotal = options.readTotal;
  }

  get isKept(): boolean {
    return this.#cache !== undefined;
  }

  get identity(): BlobIdentity | undefined {
    return this.#identity;
  }

  get notes(): FormNotes | undefined {
    return this.#identity && this.#notes.get(this.#identity.digest);
  }

  get read(): number {
    return this.#identity === undefined ? this.#compression.read : this.readTotal;
  }

  prepare(): void {
    if (!this.#isPrepared) this.#options.compressor.expect?.(this.readTotal);
    this.#isPrepared = true;
  }

  async makeAhead(): Promise<void> {
    if (this.#starting !== undefined || !this.isKept) return;
    const run = await this.#start();
    if (run instanceof GrowingRun) await run.identify();
  }

  async recall({ signal }: AbortOptions = {}): Promise<BlobIdentity | undefined> {
    signal?.throwIfAborted();
    if (this.#identity !== undefined || this.#starting !== undefined) return this.#identity;
    const kept = await this.#findKept(signal);
    if (kept !== undefined) this.#starting ??= Promise.resolve(kept);
    return this.#identity;
  }

  async identify({ signal }: AbortOptions = {}): Promise<BlobIdentity> {
    return await this.#onSomeRun(signal, async (run) => this.#identity ?? (await abortable(run.identify(), signal)));
  }

  async available(atLeast: number, { signal }: AbortOptions = {}): Promise<number | undefined> {
    return await this.#onSomeRun(signal, (run) => run.available(atLeast, { signal }));
  }

  reader(): FormReader {
    return openFormReader(this);
  }

  async settled(): Promise<void> {
    await this.#starting?.catch(() => {}); // whoever waited for it has heard
    for (const run of this.#runs) await run.settled();
    await answered(this.#removing, this.#options.signal);
  }

  async take({ signal }: AbortOptions): Promise<FormBytes> {
    return await this.#onSomeRun(signal, async (run) => {
      const bytes = await run.take({ signal });
      takenOf.set(bytes, run);
      return bytes;
    });
  }

  adopt(identity: BlobIdentity): void {
    this.#identity ??= identity;
  }

  blame(bytes: FormBytes | undefined, error: unknown): FormFailure {
    this.#options.signal.throwIfAborted();
    const failure = asFormFailure(error, bytes?.side ?? 'machine');
    const run = bytes && takenOf.get(bytes);
    if (run !== undefined && failure.side === 'copy') this.#giveUp(run, failure);
    return failure;
  }

  /** Works with the run there is, and with another where that one's copy is of no use. */
  async #onSomeRun<T>(signal: AbortSignal | undefined, work: (run: Run) => Promise<T>): Promise<T> {
    for (;;) {
      const run = await abortable(this.#start(), signal);
      try {
        return await work(run);
      } catch (error) {
        signal?.throwIfAborted();
        this.#options.signal.throwIfAborted();
        if (error instanceof Moved) continue; // the run has said so before
        const failure = asFormFailure(error, 'copy');
        if (failure.side !== 'copy') throw failure;
        this.#giveUp(run, failure);
      }
    }
  }

  #start(): Promise<Run> {
    this.#starting ??= this.#begin();
    return this.#starting;
  }

  /** Begins a run. A failure to do so is not kept. */
  async #begin(): Promise<Run> {
    try {
      return (await this.#findKept(this.#options.signal)) ?? (await this.#make());
    } catch (error) {
      this.#starting = undefined;
      this.#options.signal.throwIfAborted();
      throw asFormFailure(error, 'source');
    }
  }

  async #findKept(signal: AbortSignal | undefined): Promise<Run | undefined> {
    await answered(this.#removing, signal);
    const kept = await this.#cache?.find(this.#options.diffID, this.recipe, { signal });
    if (kept === undefined) return undefined;
    if (kept.notes !== undefined) this.#notes.set(kept.digest, kept.notes);
    else if (this.#options.compressor.isDescribed === true) return undefined;
    this.#run ??= keptRun(kept);
    this.adopt({ digest: kept.digest, size: kept.size });
    return this.#run;
  }

  async #make(): Promise<Run> {
    const { plain, diffID, gate, signal, compressor } = this.#options;
    const recentMemory = this.readTotal > smallLayer ? this.#options.recentMemory : undefined;
    const compression = this.#compression;
    this.prepare(); // before it waits for anything: those of all layers are heard at once
    const owner: RunOwner = {
      made: (identity, notes) => {
        if (notes !== undefined) this.#notes.set(identity.digest, notes);
        this.adopt(identity);
      },
      kept: (successor) => this.#replace(run, successor),
      failed: (error) => this.#giveUp(run, error),
    };
    const isDescribed = compressor.isDescribed === true;
    const mayBeLean = this.#mayBeLean && !isDescribed && this.#cache !== undefined && plain !== undefined;
    const isLean = mayBeLean && (await looksIncompressible(plain, { signal }));
    const writer = isLean
      ? undefined
      : await this.#cache?.begin(diffID, this.recipe, { signal, plainSize: this.readTotal });
    const run: Run = isLean
      ? new LeanRun({ plain, compression, signal, owner })
      : writer !== undefined
        ? new GrowingRun({ compression, writer, recentMemory, gate, signal, owner })
        : new DirectRun({ compression, identity: () => this.#identity, gate, signal, owner });
    this.#runs.add(run);
    this.#run = run; // at once: it may fail before anybody has seen it
    return run;
  }

  /** Lets a run go with all that it has needed: who has taken hold of its bytes goes on with them. */
  #replace(run: Run, successor: Run): void {
    this.#runs.delete(run);
    if (this.#run !== run) return;
    this.#run = successor;
    this.#starting = Promise.resolve(successor);
  }

  /** Drops a run that is of no use any more, and goes on without what has failed. */
  #giveUp(run: Run, error: FormFailure | Moved): void {
    if (this.#run !== run) return; // somebody else has dropped it before
    this.#run = undefined;
    this.#starting = undefined;
    if (error instanceof NotLean) this.#mayBeLean = false;
    if (!(error instanceof FormFailure) || error.side !== 'copy') return;
    if (codeOf(error.cause) === 'ERR_CACHE_WRITE') {
      this.#cache = undefined; // the disk is full, say
      return;
    }
    this.#identity = undefined; // the entry may have named another digest
    this.#removing = this.#cache?.remove(this.#options.diffID, this.recipe).catch(() => {});
    this.#badCopies += 1;
    if (this.#badCopies >= mostBadCopies) this.#cache = undefined;
  }
}
