import type { Template } from './template.js';

/** The templates and options templates of one observation domain; their ids share one number space. */
export class TemplateTable {
  readonly #templates: Map<number, Template>;
  /** When each was sent last, in milliseconds of performance.now(). */
  readonly #received: Map<number, number>;
  /** No template was received before. */
  #oldest: number;
  /** Fields of all templates together. */
  fields: number;

  constructor(from?: TemplateTable) {
    this.#templates = new Map(from === undefined ? [] : from.#templates);
    this.#received = new Map(from === undefined ? [] : from.#received);
    this.#oldest = from === undefined ? Infinity : from.#oldest;
    this.fields = from?.fields ?? 0;
  }

  get(id: number): Template | undefined {
    return this.#templates.get(id);
  }

  set(template: Template, now: number): void {
    this.delete(template.id);
    this.#templates.set(template.id, template);
    this.refresh(template.id, now);
    this.fields += template.elements.length;
  }

  /** A template was sent again. */
  refresh(id: number, now: number): void {
    if (!this.#templates.has(id)) return;
    this.#received.set(id, now);
    this.#oldest = Math.min(this.#oldest, now);
  }

  delete(id: number): boolean {
    this.fields -= this.#templates.get(id)?.elements.length ?? 0;
    this.#received.delete(id);
    return this.#templates.delete(id);
  }

  /** Withdraws every template, or every options template. Returns how many. */
  deleteAll(isOptions: boolean): number {
    const ids = [...this.#templates.values()].filter(template => template.isOptions === isOptions).map(({ id }) => id);
    for (const id of ids) this.delete(id);
    return ids.length;
  }

  /** Removes those that were sent before a time only. Returns how many. */
  expire(before: number): number {
    if (this.#oldest >= before) return 0;
    const expired = [...this.#received].filter(([, received]) => received < before);
    for (const [id] of expired) this.delete(id);
    this.#oldest = Infinity;
    for (const received of this.#received.values()) this.#oldest = Math.min(this.#oldest, received);
    return expired.length;
  }
}
