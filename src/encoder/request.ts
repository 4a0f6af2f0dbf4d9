/** What goes into a message header, RFC 7011 section 3.1. */
export interface MessageHeader {
  /** Seconds since 1970. */
  exportTime: number;
  /** Data records sent before the first message of this call, modulo 2^32. */
  sequence: number;
  observationDomain: number;
}

export interface EncodeRequest extends MessageHeader {
  /** Compiled template, instructions of INSTRUCTION_WORDS words. */
  plan: Uint32Array;
  templateId: number;
  /** Records of RECORD_SIZE bytes. */
  records: Uint8Array;
  /** First record to encode. */
  from: number;
  /** One past the last. */
  to: number;
  /** Names by number, see NameTable: UTF-8, and where each ends. */
  names: Uint8Array;
  nameEnds: Uint32Array;
  /** Sets that stand before the data set in the first message (templates), whole with their set headers; may be empty. */
  prefix: Uint8Array;
  /** Bytes of a message at most, 65535 at the most. */
  limit: number;
  /** Where the messages go, one after another. */
  out: Uint8Array;
  /** Two words a message: bytes, data records. Encoding stops when it is full. */
  lengths: Uint32Array;
}

export interface Encoded {
  /** Messages written, the first at the start of `out`. */
  messages: number;
  /** One past the last record that was encoded or passed over. */
  next: number;
  /** Records passed over because no message of `limit` bytes can hold them. */
  oversize: number;
}
