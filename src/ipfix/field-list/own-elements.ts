import * as row from '../../row/layout.generated.js';
import type { Detail } from '../details.js';
import type { Element } from '../element.js';
import { constant8, named, tcpState, unsigned32 } from '../fields.js';
import type { Field } from '../template.js';
import {
  ADDRESSES,
  DESTINATION_OWNER,
  HANDSHAKE_SEEN,
  OFFLOADED,
  OFFLOAD_KNOWN,
  PODS,
  SOURCE_OWNER,
  STATUS,
  TCP_STATE,
} from './known-details.js';

/** An element that only records with these details have. */
export interface DetailedField {
  readonly details: readonly Detail[];
  /** Undefined in records without. @param has whether the record has a detail of them */
  readonly field: (has: (detail: Detail) => boolean) => Field | undefined;
}

export function where(field: Field, detail: Detail): DetailedField {
  return { details: [detail], field: has => (has(detail) ? field : undefined) };
}

/** What no registry has an element for: its type, and how it gets into a record. */
export interface Unregistered {
  readonly type: Element['type'];
  /** @param reversed as of {@link detailedFields} */
  readonly make: (element: Element, reversed: boolean) => DetailedField;
}

/** Of an owner, in the order of its facts; those that one has not are empty. */
export const OF_OWNER = [
  'UserName',
  'SocketCgroup',
  'SystemdUnit',
  'ContainerId',
  'ContainerName',
  'PodUid',
  'Command',
] as const;

function ownerElements(): [string, Unregistered][] {
  return (['source', 'destination'] as const).flatMap(side =>
    OF_OWNER.map((what, i): [string, Unregistered] => [
      `${side}${what}`,
      {
        type: 'string',
        make: (element, reversed) => {
          const ofSource = (side === 'source') !== reversed;
          const from = ofSource ? row.SOURCE_USER_NAME : row.DESTINATION_USER_NAME;
          const field = { ...named('userName', from + i * 4), element };
          return where(field, ofSource ? SOURCE_OWNER : DESTINATION_OWNER);
        },
      },
    ]),
  );
}

/** Of an address, by the name of its detail, and where it stands behind the AS number. */
const OF_ADDRESS = [
  ['Country', 'country', 4],
  ['DnsName', 'dnsName', 8],
] as const;

function addressElements(): [string, Unregistered][] {
  return (['source', 'destination'] as const).flatMap(side =>
    OF_ADDRESS.map(([what, detail, behind]): [string, Unregistered] => [
      `${side}${what}`,
      {
        type: 'string',
        make: (element, reversed) => {
          const ofSource = (side === 'source') !== reversed;
          const from = ofSource ? row.SOURCE_AS_NUMBER : row.DESTINATION_AS_NUMBER;
          const field = { ...named('userName', from + behind), element };
          return where(field, ADDRESSES[ofSource ? 'source' : 'destination'][detail]);
        },
      },
    ]),
  );
}

function workloadElements(): [string, Unregistered][] {
  return (['source', 'destination'] as const).map((side): [string, Unregistered] => [
    `${side}Workload`,
    {
      type: 'string',
      make: (element, reversed) => {
        const ofSource = (side === 'source') !== reversed;
        const field = { ...named('userName', ofSource ? row.SOURCE_WORKLOAD : row.DESTINATION_WORKLOAD), element };
        return where(field, PODS[ofSource ? 'source' : 'destination'].workload);
      },
    },
  ]);
}

/** It is sent as the element that a list names. */
export const UNREGISTERED: Readonly<Record<string, Unregistered>> = {
  tcpState: { type: 'string', make: element => where({ ...tcpState('tcpState', row.STATE), element }, TCP_STATE) },
  status: { type: 'unsigned32', make: element => where({ ...unsigned32('mark', row.STATUS), element }, STATUS) },
  offloaded: {
    type: 'boolean',
    make: element => ({
      details: [OFFLOAD_KNOWN, OFFLOADED],
      // RFC 7011 section 6.1.5: 1 is true, 2 is false
      field: has => (has(OFFLOAD_KNOWN) ? { ...constant8('ipVersion', has(OFFLOADED) ? 1 : 2), element } : undefined),
    }),
  },
  tcpHandshakeMicroseconds: {
    type: 'unsigned32',
    // a stored row has it in place of EVENT
    make: element => where({ ...unsigned32('mark', row.EVENT), element }, HANDSHAKE_SEEN),
  },
  ...Object.fromEntries([...ownerElements(), ...addressElements(), ...workloadElements()]),
};
