import { CtflowError } from '../common/errors.js';
import { FILTER_WORDS, rowMatches } from '../row/filter.js';
import { EVENT, EVENT_DESTROY, ROW_SIZE } from '../row/layout.generated.js';
import { readEntry } from './entry.js';
import { EntryRow } from './entry-row.js';

/** The counts of one call of {@link Decode}; what is not in a row is in one of the others. */
export interface Decoded {
  /** Rows written. */
  rows: number;
  /** Bytes used up; less than given when the rows were full or the last message was cut. */
  consumed: number;
  /** Connections that the filter took out. */
  filtered: number;
  /** Messages or entries that could not be read, or lacked a tuple. */
  malformed: number;
  /** Messages that are no conntrack entry (NLMSG_NOOP, another subsystem). */
  ignored: number;
  /** NLMSG_DONE was read. */
  done: boolean;
  /** NLM_F_DUMP_INTR stood in a message: the table changed under the dump. */
  interrupted: boolean;
  /** errno of an NLMSG_ERROR or a failed NLMSG_DONE, positive; 0 where there was none. */
  error: number;
}

/**
 * Decodes netlink messages of a conntrack dump into rows.
 * @param littleEndian byte order of netlink's own headers and host-order payloads in `netlink`
 * @param words see filterWords
 */
export type Decode = (netlink: Uint8Array, littleEndian: boolean, words: Uint32Array, rows: Uint8Array) => Decoded;

const NLMSGHDR_SIZE = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_DUMP_INTR = 0x10;
const IPCTNL_MSG_CT_NEW = 0x0100; // NFNL_SUBSYS_CTNETLINK << 8 | 0
const IPCTNL_MSG_CT_DELETE = 0x0102;
const LARGEST_MESSAGE = 1 << 20; // the kernel's are 32 KiB at most

/** Rows that are set to zero at once, before they are written. */
const ZEROED_ROWS = 16;

const row = new EntryRow();

/**
 * {@link Decode} in TypeScript: the walk over struct nlmsghdr (include/uapi/linux/netlink.h).
 *
 * Stops before the next message when the rows are full, before a message that is cut short, behind NLMSG_DONE, and behind
 * an NLMSG_ERROR that holds an errno. EVENT is EVENT_DESTROY behind IPCTNL_MSG_CT_DELETE, else EVENT_NONE.
 */
export function decode(netlink: Uint8Array, littleEndian: boolean, words: Uint32Array, rows: Uint8Array): Decoded {
  if (words.length !== FILTER_WORDS) {
    throw new CtflowError('CTFLOW_USAGE', `A filter of ${words.length} words`, `It must have ${FILTER_WORDS}`);
  }
  const capacity = Math.floor(rows.length / ROW_SIZE);
  const view = new DataView(netlink.buffer, netlink.byteOffset, netlink.byteLength);
  const length = netlink.length;
  const aligned = rows.byteOffset % 4 === 0 ? rows : new Uint8Array(rows.length);
  row.open(wholeWords(netlink), littleEndian, aligned);
  let zeroed = 0;
  const result: Decoded = {
    rows: 0,
    consumed: 0,
    filtered: 0,
    malformed: 0,
    ignored: 0,
    done: false,
    interrupted: false,
    error: 0,
  };
  let stop = false;
  while (!stop && result.rows < capacity && length - result.consumed >= NLMSGHDR_SIZE) {
    const at = result.consumed;
    const size = view.getUint32(at, littleEndian);
    if (size < NLMSGHDR_SIZE) {
      // Where the next message begins cannot be known.
      result.malformed++;
      result.consumed = length;
      break;
    }
    if (size > length - at) break;
    const end = at + size;
    const payload = at + NLMSGHDR_SIZE;
    result.consumed = Math.min(length, (end + 3) & ~3);
    if (view.getUint16(at + 6, littleEndian) & NLM_F_DUMP_INTR) result.interrupted = true;
    const type = view.getUint16(at + 4, littleEndian);
    switch (type) {
      case IPCTNL_MSG_CT_NEW:
      case IPCTNL_MSG_CT_DELETE: {
        const to = result.rows * ROW_SIZE;
        if (to >= zeroed) {
          zeroed = Math.min(to + ZEROED_ROWS * ROW_SIZE, capacity * ROW_SIZE);
          aligned.fill(0, to, zeroed);
        }
        const readable = readEntry(row, payload, end, to);
        if (readable && rowMatches(row, words, to)) {
          if (type === IPCTNL_MSG_CT_DELETE) row.u32[(to + EVENT) >> 2] = EVENT_DESTROY;
          result.rows++;
          break;
        }
        if (readable) result.filtered++;
        else result.malformed++;
        zeroed = to;
        break;
      }
      case NLMSG_DONE:
        result.done = true;
        result.error = errnoAt(view, littleEndian, payload, end) ?? 0;
        stop = true;
        break;
      case NLMSG_ERROR: {
        const errno = errnoAt(view, littleEndian, payload, end);
        if (errno === undefined) result.malformed++;
        else if (errno === 0)
          result.ignored++; // an acknowledgement
        else {
          result.error = errno;
          stop = true;
        }
        break;
      }
      default:
        result.ignored++;
    }
  }
  if (aligned !== rows) rows.set(aligned.subarray(0, result.rows * ROW_SIZE));
  return result;
}

/** The bytes themselves, or a copy of them that begins at a multiple of four bytes and ends behind one. */
function wholeWords(bytes: Uint8Array): Uint8Array {
  if (bytes.byteOffset % 4 === 0 && bytes.length % 4 === 0) return bytes;
  const copy = new Uint8Array((bytes.length + 3) & ~3);
  copy.set(bytes);
  return copy;
}

/** The negative errno of the payload as a positive number, 0 for none, undefined where the payload is too short. */
function errnoAt(view: DataView, littleEndian: boolean, at: number, end: number): number | undefined {
  return end - at < 4 ? undefined : Math.max(0, -view.getInt32(at, littleEndian));
}

/**
 * How much of the bytes are whole netlink messages, padding included. `lost`: the message at `end` has a length that no
 * message has, so where the next one begins is unknown.
 */
export function wholeMessages(netlink: Uint8Array, littleEndian: boolean): { end: number; lost: boolean } {
  const view = new DataView(netlink.buffer, netlink.byteOffset, netlink.byteLength);
  let end = 0;
  while (netlink.length - end >= NLMSGHDR_SIZE) {
    const length = view.getUint32(end, littleEndian);
    if (length < NLMSGHDR_SIZE || length > LARGEST_MESSAGE) return { end, lost: true };
    const span = (length + 3) & ~3;
    if (span > netlink.length - end) break;
    end += span;
  }
  return { end, lost: false };
}
