import { readFileSync, statSync } from 'node:fs';

/** Octets of the file that are read at most. */
const MOST_OCTETS = 1 << 20;

/** Names of users by number, as /etc/passwd has them now. Users of other sources have none. */
export class UserNames {
  readonly #file: string;
  #stamp = '';
  #names: ReadonlyMap<number, string> = new Map();

  constructor(file = '/etc/passwd') {
    this.#file = file;
  }

  /** Reads the file again where it has changed. */
  refresh(): void {
    try {
      const { mtimeMs, size, ino } = statSync(this.#file);
      const stamp = `${mtimeMs}/${size}/${ino}`;
      if (stamp === this.#stamp) return;
      this.#stamp = stamp;
      this.#names = size > MOST_OCTETS ? new Map() : namesIn(readFileSync(this.#file, 'utf8'));
    } catch {
      this.#stamp = '';
      this.#names = new Map();
    }
  }

  /** The number itself where it has no name. */
  of(user: number): string {
    return this.#names.get(user) ?? String(user);
  }
}

/** passwd(5): the first line of a number counts. */
function namesIn(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name, , number] = line.split(':');
    if (!name || !/^\d+$/.test(number ?? '') || names.has(Number(number))) continue;
    names.set(Number(number), name);
  }
  return names;
}
