/** The first of many by two numbers, the largest first: a heap with the last of them at its top, which makes room for better ones. */
export class Selection {
  readonly #most: number;
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  readonly #subjects: Uint32Array;
  #count = 0;

  /** @param most how many are kept */
  constructor(most: number) {
    this.#most = most;
    this.#first = new Float64Array(most);
    this.#second = new Float64Array(most);
    this.#subjects = new Uint32Array(most);
  }

  /** @param second decides where the first are equal; then the lower subject is before */
  offer(first: number, second: number, subject: number): void {
    if (this.#count < this.#most) {
      this.#put(this.#count, first, second, subject);
      this.#rise(this.#count++);
      return;
    }
    if (this.#most === 0 || !this.#isAfter(0, first, second, subject)) return;
    this.#put(0, first, second, subject);
    this.#sink(0);
  }

  /** The subjects, the first one first; none is kept afterwards. */
  take(): number[] {
    const taken: number[] = [];
    while (this.#count > 0) {
      taken.push(this.#subjects[0]);
      const last = --this.#count;
      this.#put(0, this.#first[last], this.#second[last], this.#subjects[last]);
      this.#sink(0);
    }
    return taken.toReversed();
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#isAfter(at, this.#first[parent], this.#second[parent], this.#subjects[parent])) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ;) {
      const left = at * 2 + 1;
      if (left >= this.#count) return;
      const right = left + 1;
      const child =
        right < this.#count && this.#isAfter(right, this.#first[left], this.#second[left], this.#subjects[left])
          ? right
          : left;
      if (!this.#isAfter(child, this.#first[at], this.#second[at], this.#subjects[at])) return;
      this.#swap(at, child);
      at = child;
    }
  }

  /** Whether what stands there comes after this one. */
  #isAfter(at: number, first: number, second: number, subject: number): boolean {
    if (this.#first[at] !== first) return this.#first[at] < first;
    if (this.#second[at] !== second) return this.#second[at] < second;
    return this.#subjects[at] > subject;
  }

  #put(at: number, first: number, second: number, subject: number): void {
    this.#first[at] = first;
    this.#second[at] = second;
    this.#subjects[at] = subject;
  }

  #swap(a: number, b: number): void {
    const [first, second, subject] = [this.#first[a], this.#second[a], this.#subjects[a]];
    this.#put(a, this.#first[b], this.#second[b], this.#subjects[b]);
    this.#put(b, first, second, subject);
  }
}
