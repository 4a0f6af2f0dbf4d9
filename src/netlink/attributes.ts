const HEADER = 4;
const TYPE_MASK = 0x3fff; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
export const NOTHING: DataView = new DataView(new ArrayBuffer(0));

/**
 * Walks the netlink attributes (struct nlattr) in a run of bytes, without an object per attribute. One cursor serves one
 * level of nesting and is used again for the next run.
 */
export class Attributes {
  /** Type of the current attribute, without flags. */
  type = 0;
  /** Where its payload begins. */
  payload = 0;
  /** Bytes of its payload, without padding. */
  size = 0;
  /** An attribute was shorter than its header or left the run; the walk has ended there. */
  broken = false;
  #view: DataView = NOTHING;
  #littleEndian = true;
  #next = 0;
  #end = 0;

  /** Begins a walk over `view` from `start` to `end`. */
  enter(view: DataView, littleEndian: boolean, start: number, end: number): void {
    this.#view = view;
    this.#littleEndian = littleEndian;
    this.#next = start;
    this.#end = end;
    this.broken = false;
  }

  /** Goes to the next attribute; false at the end of the run or where the walk broke. */
  next(): boolean {
    const at = this.#next;
    const left = this.#end - at;
    if (left < HEADER) return false; // padding, as for the kernel's nla_ok
    const length = this.#view.getUint16(at, this.#littleEndian);
    if (length < HEADER || length > left) {
      this.broken = true;
      return false;
    }
    this.type = this.#view.getUint16(at + 2, this.#littleEndian) & TYPE_MASK;
    this.payload = at + HEADER;
    this.size = length - HEADER;
    this.#next = at + ((length + 3) & ~3);
    return true;
  }
}
