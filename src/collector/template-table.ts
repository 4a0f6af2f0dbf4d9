import type { Template } from './template.js';

/** The templates and options templates of one observation domain; their ids share one number space. */
export class TemplateTable {
  readonly #templates: Map<number, Template>;
  /** Fields of all templates together. */
  fields: number;

  constructor(from?: TemplateTable) {
    this.#templates = new Map(from === undefined ? [] : from.#templates);
    this.fields = from?.fields ?? 0;
  }

  get(id: number): Template | undefined {
    return this.#templates.get(id);
  }

  set(template: Template): void {
    this.delete(template.id);
    this.#templates.set(template.id, template);
    this.fields += template.elements.length;
  }

  delete(id: number): boolean {
    this.fields -= this.#templates.get(id)?.elements.length ?? 0;
    return this.#templates.delete(id);
  }

  /** Withdraws every template, or every options template. Returns how many. */
  deleteAll(isOptions: boolean): number {
    const ids = [...this.#templates.values()].filter(template => template.isOptions === isOptions).map(({ id }) => id);
    for (const id of ids) this.delete(id);
    return ids.length;
  }
}
