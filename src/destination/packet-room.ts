import { isIP } from 'node:net';
import type { ListContext } from '../ipfix/field-list/elements.js';
import { messageRoom, type MessageRoom } from '../ipfix/message-room.js';
import { LEAST_OVERHEAD } from '../transport/dtls/transport.js';
import { headersOf } from '../transport/packet.js';
import { profileOf, type DestinationOptions, type ProfileOptions } from './destination-options.js';

/**
 * The octets of IP packets that a destination must have room for. Undefined where messages are no packets.
 * @param known as of {@link profileOf}
 */
export function packetRoom(
  options: ProfileOptions & Pick<DestinationOptions, 'endpoint'>,
  known: Partial<ListContext>,
): MessageRoom | undefined {
  const { endpoint } = options;
  if (endpoint.protocol !== 'udp' && endpoint.protocol !== 'dtls') return undefined;
  const { least, fullest } = messageRoom(profileOf(options, known));
  // a name may have an address of either family
  const headers = headersOf(isIP(endpoint.host)) + (endpoint.protocol === 'dtls' ? LEAST_OVERHEAD : 0);
  return { least: least + headers, fullest: fullest + headers };
}
