import { parsePrefix } from '../../../src/common/prefix.js';

/** A value of a database: a whole number is uint32. */
export type MmdbValue = string | number | bigint | readonly MmdbValue[] | { readonly [key: string]: MmdbValue };

export interface MmdbOptions {
  readonly type?: string;
  readonly ipVersion?: 4 | 6;
  readonly recordSize?: 24 | 28 | 32;
  /** Seconds since 1970. */
  readonly builtAt?: number;
}

const [STRING, UINT16, UINT32, MAP, UINT64, ARRAY] = [2, 5, 6, 7, 9, 11];
const EMPTY = Buffer.alloc(16);

type Node = [zero: Node | number, one: Node | number];
/** No record. Others are numbers of records. */
const NONE = -1;

/** A database in MaxMind's format, by its specification. @param networks a longer prefix comes behind the shorter one around it */
export function mmdb(networks: Readonly<Record<string, MmdbValue>>, options: MmdbOptions = {}): Buffer {
  const { type = 'Test', ipVersion = 6, recordSize = 24, builtAt = 1_700_000_000 } = options;
  const root: Node = [NONE, NONE];
  const records: Buffer[] = [];
  const offsets: number[] = [];
  let used = 0;
  for (const [text, value] of Object.entries(networks)) {
    const encoded = encode(value);
    offsets.push(used);
    used += encoded.length;
    const number = records.push(encoded) - 1;
    const { family, first, length } = parsePrefix(text)!;
    const mapped = family === 4 && ipVersion === 6;
    insert(root, first, family === 4 && !mapped ? 32 : 128, length + (mapped ? 96 : 0), number);
  }
  const nodes: Node[] = [];
  const numbers = new Map<Node, number>();
  const walk = (node: Node): void => {
    numbers.set(node, nodes.push(node) - 1);
    for (const child of node) if (typeof child !== 'number') walk(child);
  };
  walk(root);
  const recordOf = (child: Node | number): number => {
    if (typeof child !== 'number') return numbers.get(child)!;
    return child === NONE ? nodes.length : nodes.length + EMPTY.length + offsets[child];
  };
  const tree = nodes.map(([zero, one]) => writeNode(recordOf(zero), recordOf(one), recordSize));
  const metadata = Buffer.concat([
    control(MAP, 9),
    ...entry('binary_format_major_version', number(UINT16, 2)),
    ...entry('binary_format_minor_version', number(UINT16, 0)),
    ...entry('build_epoch', number(UINT64, builtAt)),
    ...entry('database_type', encode(type)),
    ...entry('description', encode({ en: 'made by a test' })),
    ...entry('ip_version', number(UINT16, ipVersion)),
    ...entry('languages', encode(['en'])),
    ...entry('node_count', number(UINT32, nodes.length)),
    ...entry('record_size', number(UINT16, recordSize)),
  ]);
  return Buffer.concat([...tree, EMPTY, ...records, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), metadata]);
}

function insert(root: Node, first: bigint, bits: number, length: number, record: number): void {
  let node = root;
  for (let depth = 0; depth < length; depth++) {
    const side = Number((first >> BigInt(bits - 1 - depth)) & 1n) as 0 | 1;
    if (depth === length - 1) {
      node[side] = record;
      return;
    }
    const child = node[side];
    // a shorter prefix around it holds for the rest
    const next: Node = typeof child === 'number' ? [child, child] : child;
    node[side] = next;
    node = next;
  }
}

function writeNode(zero: number, one: number, recordSize: 24 | 28 | 32): Buffer {
  const node = Buffer.alloc(recordSize / 4);
  if (recordSize === 32) {
    node.writeUInt32BE(zero, 0);
    node.writeUInt32BE(one, 4);
    return node;
  }
  node.writeUIntBE(zero & 0xff_ffff, 0, 3);
  if (recordSize === 28) node[3] = ((zero >>> 24) << 4) | (one >>> 24);
  node.writeUIntBE(one & 0xff_ffff, node.length - 3, 3);
  return node;
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([control(STRING, text.length), text]);
  }
  if (typeof value === 'number') return number(UINT32, value);
  if (typeof value === 'bigint') return number(UINT64, Number(value));
  if (Array.isArray(value)) return Buffer.concat([control(ARRAY, value.length), ...value.map(encode)]);
  const entries = Object.entries(value);
  return Buffer.concat([control(MAP, entries.length), ...entries.flatMap(([key, inner]) => entry(key, encode(inner)))]);
}

const entry = (key: string, value: Buffer): Buffer[] => [encode(key), value];

function number(type: number, value: number): Buffer {
  const digits = value === 0 ? '' : value.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  return Buffer.concat([control(type, bytes.length), bytes]);
}

/** Types above 7 stand in a byte of their own. */
function control(type: number, size: number): Buffer {
  const [small, more] = size < 29 ? [size, []] : [29, [size - 29]];
  return Buffer.from(type > 7 ? [small, type - 7, ...more] : [(type << 5) | small, ...more]);
}
