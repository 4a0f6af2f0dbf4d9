import { parseAddress, parsePrefix, type Prefix } from '../../common/prefix.js';
import { makeRanges, NOTHING, PrefixTable } from '../prefix-table.js';
import { AF_INET } from '../../row/protocol.js';
import type { NodeFacts } from './facts.js';

const LOOPBACK = ['127.0.0.0/8', '::1'];

/** The nodes, their addresses, and the prefixes of their pods. */
export class NodeTable {
  /** This node. */
  readonly #here: string;
  /** Prefixes of pods that are known beside those of nodes. */
  readonly #given: readonly string[];
  readonly #nodes = new Map<string, NodeFacts>();
  /** See {@link complete}. */
  #complete = false;
  /** Made anew when it is next asked after a change: nodes change seldom. */
  #tables: Tables | undefined;

  constructor(here: string, given: readonly string[]) {
    this.#here = here;
    this.#given = given;
  }

  get size(): number {
    return this.#nodes.size;
  }

  get podPrefixes(): number {
    return this.#made.podPrefixes;
  }

  /** All nodes have been read once, and all pods. */
  complete(): void {
    this.#complete = true;
  }

  /** @returns whether something is different from before */
  set(facts: NodeFacts): boolean {
    const before = this.#nodes.get(facts.uid);
    // nodes report their health every few seconds
    if (before && JSON.stringify(before) === JSON.stringify(facts)) return false;
    this.#nodes.set(facts.uid, facts);
    this.#tables = undefined;
    return true;
  }

  remove(uid: string): void {
    if (this.#nodes.delete(uid)) this.#tables = undefined;
  }

  nameAt(bytes: Uint8Array, at: number, family: number): string {
    const { names, nodes } = this.#made;
    return names[find(nodes, bytes, at, family)];
  }

  /** It is an address of a node itself. */
  isNode(bytes: Uint8Array, at: number, family: number): boolean {
    return find(this.#made.own, bytes, at, family) !== NOTHING;
  }

  inPodPrefix(bytes: Uint8Array, at: number, family: number): boolean {
    return find(this.#made.prefixes, bytes, at, family) !== NOTHING;
  }

  /** All prefixes of pods are known: they were given, or each node has its own. */
  get knowsPodPrefixes(): boolean {
    return this.#complete && this.#made.known;
  }

  get #made(): Tables {
    return (this.#tables ??= this.#make());
  }

  #make(): Tables {
    const names = ['', this.#here];
    const nodes: [string, number][] = LOOPBACK.map(text => [text, 1]);
    const own: [string, number][] = [];
    const prefixes: [string, number][] = this.#given.map(text => [text, 1]);
    let without = 0;
    for (const { name, addresses, podPrefixes } of this.#nodes.values()) {
      const number = name === this.#here ? 1 : names.push(name) - 1;
      for (const text of addresses.filter(text => parseAddress(text))) {
        nodes.push([text, number]);
        own.push([text, 1]);
      }
      for (const text of podPrefixes) {
        nodes.push([text, number]);
        prefixes.push([text, 1]);
      }
      if (podPrefixes.length === 0) without++;
    }
    return {
      names,
      nodes: tables(nodes),
      own: tables(own),
      prefixes: tables(prefixes),
      podPrefixes: prefixes.length,
      known: this.#given.length > 0 || (this.#nodes.size > 0 && without === 0),
    };
  }
}

interface Tables {
  readonly names: readonly string[];
  readonly nodes: Both;
  readonly own: Both;
  readonly prefixes: Both;
  readonly podPrefixes: number;
  readonly known: boolean;
}

interface Both {
  readonly four: PrefixTable;
  readonly six: PrefixTable;
}

function tables(entries: readonly [string, number][]): Both {
  const prefixes: Prefix[] = [];
  const values: number[] = [];
  for (const [text, value] of entries) {
    const prefix = parsePrefix(text);
    if (!prefix) continue;
    prefixes.push(prefix);
    values.push(value);
  }
  return {
    four: new PrefixTable(makeRanges(4, prefixes, values)),
    six: new PrefixTable(makeRanges(6, prefixes, values)),
  };
}

function find({ four, six }: Both, bytes: Uint8Array, at: number, family: number): number {
  return (family === AF_INET ? four : six).find(bytes, at);
}
