import { CtflowError, describeError } from '../../common/errors.js';
import type { TopPage } from '../../daemon/top/page.js';
import { connectionFilter } from '../../filter/store-filter.js';
import type { PageSource } from './page-source.js';
import { rowsOf, screenOf } from './screen.js';
import { press, queryOf, type TopState } from './state.js';
import type { Screen } from './terminal.js';

/** Milliseconds after which the screen says that it waits. */
const PATIENCE_MS = 2_000;

/** One person at one screen: keys change the state, the state asks for pages, and pages are drawn. */
export class TopSession {
  /** Resolves when it is over. */
  readonly ended: Promise<void>;
  readonly #source: PageSource;
  readonly #screen: Screen;
  readonly #interval: number;
  #state: TopState;
  #page: TopPage | undefined;
  #at = new Date();
  /** What the page was asked for with. */
  #asked: TopState;
  /** Of the source. */
  #trouble: string | undefined;
  /** Of the filter that was written. */
  #mistake: string | undefined;
  #asking = false;
  /** The state is another than the one asked for. */
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #end!: () => void;

  /** @param interval milliseconds from one page to the next */
  constructor(source: PageSource, screen: Screen, state: TopState, interval: number) {
    this.#source = source;
    this.#screen = screen;
    this.#state = this.#asked = state;
    this.#interval = interval;
    this.ended = new Promise(resolve => (this.#end = resolve));
    screen.onKey(key => this.#press(key));
    screen.onResize(() => {
      this.#draw();
      this.#ask();
    });
    this.#draw();
    this.#ask();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#end();
  }

  #press(key: string): void {
    if (this.#closed) return;
    const pressed = press(this.#state, key, rowsOf(this.#screen.size, this.#state).rows);
    if (pressed === 'quit') {
      this.close();
      return;
    }
    if (pressed === 'suspend') {
      this.#screen.suspend();
      return;
    }
    const before = this.#state;
    if (pressed === before) return;
    this.#mistake = pressed.filter === before.filter ? undefined : mistakeIn(pressed.filter);
    // it is corrected, and not written anew
    this.#state = this.#mistake === undefined ? pressed : before;
    this.#draw();
    // what is being written asks for nothing
    if (this.#state.editing === undefined) this.#ask();
  }

  /** Asks for a page now, or as soon as the last one is there. */
  #ask(): void {
    this.#again = true;
    if (!this.#asking) void this.#askAll();
  }

  async #askAll(): Promise<void> {
    this.#asking = true;
    clearTimeout(this.#timer);
    const began = performance.now();
    while (this.#again && !this.#closed) {
      this.#again = false;
      await this.#askOnce();
    }
    this.#asking = false;
    if (this.#closed || this.#state.paused) return;
    this.#timer = setTimeout(() => this.#ask(), Math.max(began + this.#interval - performance.now(), 0));
  }

  async #askOnce(): Promise<void> {
    const state = this.#state;
    const { rows, deniedRows } = rowsOf(this.#screen.size, state);
    const patience = setTimeout(() => {
      this.#trouble = 'no answer yet';
      this.#draw();
    }, PATIENCE_MS);
    try {
      this.#page = await this.#source.page(queryOf(state, rows, deniedRows));
      this.#asked = state;
      this.#at = new Date();
      this.#trouble = this.#source.warning;
    } catch (error) {
      this.#trouble = describeError(error);
    } finally {
      clearTimeout(patience);
    }
    this.#draw();
  }

  #draw(): void {
    if (this.#closed) return;
    const view = {
      origin: this.#source.origin,
      page: this.#page,
      asked: this.#asked,
      at: this.#at,
      trouble: this.#mistake ?? this.#trouble,
    };
    this.#screen.draw(screenOf(this.#state, view, this.#screen.size));
  }
}

/** What is wrong with a filter; undefined where nothing is. */
function mistakeIn(filter: string): string | undefined {
  if (filter === '') return undefined;
  try {
    connectionFilter(filter);
    return undefined;
  } catch (error) {
    if (error instanceof CtflowError) return `${error.message}. ${error.hint}`;
    throw error;
  }
}
