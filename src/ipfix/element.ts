/** Abstract data types of RFC 7012 section 3.1, unsigned256 of IANA's registry, and the list types of RFC 6313. */
export type ElementType =
  | 'octetArray'
  | 'unsigned8'
  | 'unsigned16'
  | 'unsigned32'
  | 'unsigned64'
  | 'unsigned256'
  | 'signed8'
  | 'signed16'
  | 'signed32'
  | 'signed64'
  | 'float32'
  | 'float64'
  | 'boolean'
  | 'macAddress'
  | 'string'
  | 'dateTimeSeconds'
  | 'dateTimeMilliseconds'
  | 'dateTimeMicroseconds'
  | 'dateTimeNanoseconds'
  | 'ipv4Address'
  | 'ipv6Address'
  | 'basicList'
  | 'subTemplateList'
  | 'subTemplateMultiList';

/** An information element as a registry has it. */
export interface Element {
  readonly id: number;
  /** 0 for IANA. */
  readonly enterprise: number;
  readonly name: string;
  readonly type: ElementType;
  /** Its values identify something by 64 bits (dataTypeSemantics `identifier`): no number to count with. */
  readonly wideIdentifier?: true;
}

/** The field length in a template that announces a variable length, RFC 7011 section 7. */
export const VARIABLE_LENGTH = 65535;

/** Private enterprise numbers that ctflow knows. */
export const IANA = 0;
export const REVERSE = 29305; // RFC 5103
export const ANTREA = 56506;
export const NETFILTER = 21373;
