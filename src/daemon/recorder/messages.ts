import { HOST_LITTLE_ENDIAN } from '../../common/u64.js';
import { LARGEST_EVENTS, NUMBER_SIZE } from '../../sources/recording-frames.js';

const NLMSGHDR_SIZE = 16;
const MOST = LARGEST_EVENTS - NUMBER_SIZE;

/** A run of whole messages. */
export interface Messages {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** Whole netlink messages of this host in runs that fit into a frame each; nothing is copied. */
export function runsOf(messages: Uint8Array): Messages[] {
  const view = new DataView(messages.buffer, messages.byteOffset, messages.byteLength);
  const runs: Messages[] = [];
  let from = 0;
  let count = 0;
  for (let at = 0; at < messages.length;) {
    const length = Math.max(view.getUint32(at, HOST_LITTLE_ENDIAN), NLMSGHDR_SIZE);
    const end = Math.min(at + ((length + 3) & ~3), messages.length);
    if (end - from > MOST && count > 0) {
      runs.push({ bytes: messages.subarray(from, at), count });
      from = at;
      count = 0;
    }
    count++;
    at = end;
  }
  if (count > 0) runs.push({ bytes: messages.subarray(from), count });
  return runs;
}
