import { Coverage } from './coverage.js';
import { mutate, Random } from './mutations.js';
import type { Target } from './target.js';

/** Inputs between two looks at the coverage, which take milliseconds: more while nothing new is reached. */
const SMALLEST_BATCH = 64;
const LARGEST_BATCH = 1024;
/** So many are looked at one by one. */
const FEW = 4;
/** Of the inputs that are changed, so many are the last that were kept. */
const NEWEST = 16;

export interface Finding {
  readonly input: Uint8Array;
  readonly error: unknown;
}

export interface Progress {
  /** Inputs that were run. */
  runs: number;
  /** The run of the last input that reached something new. */
  lastNew: number;
  /** Inputs that reach all that was reached. */
  readonly corpus: number;
  /** Characters of source that were executed. */
  readonly coverage: number;
}

export interface FuzzerOptions {
  readonly seed: number;
  /** Inputs beside the target's seeds, of earlier runs. */
  readonly corpus?: readonly Uint8Array[];
  /** Called with each input before it is run. */
  readonly onInput?: (input: Uint8Array) => void;
  /** Called with an input that reaches something new. */
  readonly onNew?: (input: Uint8Array) => void;
}

/**
 * Changes inputs at random and keeps those that reach code which none before has reached (as libFuzzer does). Coverage is
 * V8's, so code under test is as it is shipped.
 */
export class Fuzzer {
  readonly #target: Target;
  readonly #options: FuzzerOptions;
  readonly #random: Random;
  readonly #coverage: Coverage;
  readonly #corpus: Uint8Array[] = [];
  #runs = 0;
  #lastNew = 0;

  constructor(target: Target, options: FuzzerOptions) {
    this.#target = target;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#coverage = new Coverage(target.covers);
  }

  get progress(): Progress {
    const { size } = this.#coverage;
    return { runs: this.#runs, lastNew: this.#lastNew, corpus: this.#corpus.length, coverage: size };
  }

  /**
   * Runs the seeds, and then changed ones until it is enough or something is found.
   * @param isEnough asked after each batch
   */
  async run(isEnough: (progress: Progress) => boolean): Promise<Finding | undefined> {
    const known = [...this.#target.seeds(), ...(this.#options.corpus ?? [])];
    this.#coverage.take(false); // what was executed before
    for (const input of known) {
      const finding = await this.#try(input);
      if (finding !== undefined) return finding;
    }
    if (this.#corpus.length === 0) this.#corpus.push(known[0] ?? new Uint8Array(0));
    for (let size = SMALLEST_BATCH; !isEnough(this.progress);) {
      const batch = Array.from({ length: size }, () => this.#make());
      for (const input of batch) {
        const error = await this.#execute(input);
        if (error !== undefined) return { input, error: error.thrown };
      }
      if (this.#coverage.take(false) === 0) {
        size = Math.min(size * 2, LARGEST_BATCH);
        continue;
      }
      size = SMALLEST_BATCH;
      const finding = await this.#keepNew(batch);
      if (finding !== undefined) return finding;
    }
    return undefined;
  }

  /** Of inputs that together reach something new, runs halves again that do, and keeps each input that does. */
  async #keepNew(inputs: readonly Uint8Array[]): Promise<Finding | undefined> {
    if (inputs.length <= FEW) {
      for (const input of inputs) {
        const finding = await this.#try(input, true);
        if (finding !== undefined) return finding;
      }
      return undefined;
    }
    const middle = inputs.length >> 1;
    for (const half of [inputs.slice(0, middle), inputs.slice(middle)]) {
      for (const input of half) {
        const error = await this.#execute(input);
        this.#runs--;
        if (error !== undefined) return { input, error: error.thrown };
      }
      const finding = this.#coverage.take(false) > 0 ? await this.#keepNew(half) : undefined;
      if (finding !== undefined) return finding;
    }
    return undefined;
  }

  #make(): Uint8Array {
    const random = this.#random;
    const corpus = this.#corpus;
    const newest = Math.max(corpus.length - NEWEST, 0);
    const from = random.below(2) === 0 ? corpus[newest + random.below(corpus.length - newest)] : this.#one();
    const made = mutate(from, this.#one(), this.#target.words ?? [], random);
    return this.#target.mend !== undefined && random.below(4) > 0 ? this.#target.mend(made) : made;
  }

  /** A known input, a small one more often: it takes less time. */
  #one(): Uint8Array {
    const [one, other] = [this.#random.one(this.#corpus), this.#random.one(this.#corpus)];
    return one.length <= other.length || this.#random.below(4) === 0 ? one : other;
  }

  /** Runs an input alone, and keeps it where it reaches something new. */
  async #try(input: Uint8Array, again = false): Promise<Finding | undefined> {
    const error = await this.#execute(input);
    if (again) this.#runs--;
    if (error !== undefined) return { input, error: error.thrown };
    if (this.#coverage.take(true) === 0) return undefined;
    this.#lastNew = this.#runs;
    this.#corpus.push(input);
    this.#options.onNew?.(input);
    return undefined;
  }

  async #execute(input: Uint8Array): Promise<{ thrown: unknown } | undefined> {
    this.#runs++;
    this.#options.onInput?.(input);
    try {
      const running = this.#target.run(input);
      if (running !== undefined) await running;
    } catch (thrown) {
      return { thrown };
    }
    return undefined;
  }
}
