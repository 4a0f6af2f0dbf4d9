import type { Decoded } from '../backend.js';
import { Batch } from '../batch.js';
import { CtflowError } from '../errors.js';
import { FILTER_WORDS } from '../filter.js';
import { EVENT, EVENT_DESTROY, ROW_SIZE } from '../layout.generated.js';
import { rowMatches } from '../row-filter.js';
import { EntryDecoder } from './entry.js';

const NLMSGHDR_SIZE = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_DUMP_INTR = 0x10;
const IPCTNL_MSG_CT_NEW = 0x0100; // NFNL_SUBSYS_CTNETLINK << 8 | 0
const IPCTNL_MSG_CT_DELETE = 0x0102;

const row = new Batch(1);
const entry = new EntryDecoder(row);

/**
 * {@link Backend.decode} in TypeScript: the walk over struct nlmsghdr (include/uapi/linux/netlink.h).
 *
 * Stops before the next message when the rows are full, before a message that is cut short, behind NLMSG_DONE, and behind
 * an NLMSG_ERROR that holds an errno. EVENT is EVENT_DESTROY behind IPCTNL_MSG_CT_DELETE, else EVENT_NONE.
 */
export function decode(netlink: Uint8Array, littleEndian: boolean, words: Uint32Array, rows: Uint8Array): Decoded {
  if (words.length !== FILTER_WORDS) {
    throw new CtflowError('CTFLOW_USAGE', `A filter of ${words.length} words`, `Give ${FILTER_WORDS}, see filterWords`);
  }
  const capacity = Math.floor(rows.length / ROW_SIZE);
  const view = new DataView(netlink.buffer, netlink.byteOffset, netlink.byteLength);
  const length = netlink.length;
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
      case IPCTNL_MSG_CT_DELETE:
        if (!entry.decode(view, littleEndian, payload, end)) result.malformed++;
        else if (!rowMatches(row, words)) result.filtered++;
        else {
          if (type === IPCTNL_MSG_CT_DELETE) row.u32[EVENT >> 2] = EVENT_DESTROY;
          rows.set(row.bytes, result.rows++ * ROW_SIZE);
        }
        break;
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
  return result;
}

/** The negative errno of the payload as a positive number, 0 for none, undefined where the payload is too short. */
function errnoAt(view: DataView, littleEndian: boolean, at: number, end: number): number | undefined {
  return end - at < 4 ? undefined : Math.max(0, -view.getInt32(at, littleEndian));
}
