import type { Encoded, EncodeRequest } from './request.js';
import { CtflowError } from '../common/errors.js';
import { FIRST_DATA_SET, IPFIX_VERSION, LARGEST_MESSAGE, MESSAGE_HEADER, SET_HEADER } from '../ipfix/message.js';
import { RECORD_SIZE } from '../row/layout.generated.js';
import { RecordWriter } from './record-writer.js';
import { stepsOf } from './steps.js';
import { U16_MAX } from '../common/unsigned.js';

/** {@link Backend.encode} in TypeScript: messages of RFC 7011 section 3, each with one data set. */
export function encode(request: EncodeRequest): Encoded {
  check(request);
  const { prefix, limit, out, lengths, to } = request;
  const writer = new RecordWriter(stepsOf(request.plan), request);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  let pendingPrefix = prefix.length > 0;
  let sequence = request.sequence >>> 0;
  let next = request.from;
  let oversize = 0;
  let messages = 0;
  let at = 0;
  while ((next < to || pendingPrefix) && out.length - at >= limit && (messages + 1) * 2 <= lengths.length) {
    const end = at + limit;
    let position = at + MESSAGE_HEADER;
    if (pendingPrefix) {
      out.set(prefix, position);
      position += prefix.length;
    }
    const set = position;
    position += SET_HEADER;
    let records = 0;
    for (; next < to; next++) {
      const length = writer.measure(next * RECORD_SIZE);
      if (MESSAGE_HEADER + SET_HEADER + length > limit) {
        oversize++;
      } else if (position + length > end) {
        break;
      } else {
        position = writer.write(next * RECORD_SIZE, position);
        records++;
      }
    }
    if (records > 0) {
      view.setUint16(set, request.templateId);
      view.setUint16(set + 2, position - set);
    } else {
      position = set;
    }
    if (records === 0 && !pendingPrefix) break;
    view.setUint16(at, IPFIX_VERSION);
    view.setUint16(at + 2, position - at);
    view.setUint32(at + 4, request.exportTime);
    view.setUint32(at + 8, sequence);
    view.setUint32(at + 12, request.observationDomain);
    lengths[messages * 2] = position - at;
    lengths[messages * 2 + 1] = records;
    sequence = (sequence + records) >>> 0;
    pendingPrefix = false;
    messages++;
    at = position;
  }
  return { messages, next, oversize };
}

function check(request: EncodeRequest): void {
  const { from, to, limit, prefix, templateId } = request;
  if (from > to || to * RECORD_SIZE > request.records.length) {
    throw usage(`records ${from} to ${to} of ${Math.floor(request.records.length / RECORD_SIZE)}`);
  }
  if (limit > LARGEST_MESSAGE) throw usage(`messages of ${limit} bytes`);
  if (prefix.length > 0 && MESSAGE_HEADER + prefix.length > limit) {
    throw usage(`templates of ${prefix.length} bytes in messages of ${limit}`);
  }
  if (templateId < FIRST_DATA_SET || templateId > U16_MAX) throw usage(`template id ${templateId}`);
}

function usage(what: string): CtflowError {
  return new CtflowError('CTFLOW_USAGE', `Cannot encode ${what}`, 'Check the arguments of the call');
}
