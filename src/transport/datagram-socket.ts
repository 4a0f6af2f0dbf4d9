/** Called with the outcome of each message of a {@link DatagramSocket}. */
export interface DatagramListener {
  /** The system took messages with so many records and octets. */
  sent(messages: number, records: number, octets: number): void;
  /**
   * The system refused a message with so many records; 0 for an ICMP error of an earlier one.
   * @returns whether the socket goes on with what waits
   */
  failed(errno: string, records: number): boolean;
  /** Few messages wait, or none. */
  ready(): void;
}

/** A UDP socket connected to one address. What the system does not take at once waits in it, in order. */
export interface DatagramSocket {
  /** Messages that wait. */
  readonly queued: number;
  /**
   * Sends messages that lie one after another, each as a datagram; the bytes are the caller's again when it returns.
   * @param lengths two words a message: bytes, data records
   */
  send(bytes: Uint8Array, lengths: Uint32Array, messages: number): void;
  /** What waits counts as failed. */
  close(): void;
}

/** Where a collector is. */
export interface DatagramAddress {
  /** An IP address, with its zone where it has one. */
  readonly address: string;
  readonly family: number;
  readonly port: number;
  /**
   * Bursts leave as one buffer that the kernel cuts into datagrams (native; elsewhere each goes by itself). It takes less CPU, and
   * a capture on this host may show them uncut.
   */
  readonly segment: boolean;
}

/** @throws an error with the errno's name as its `code` where no socket can be connected */
export type ConnectDatagram = (to: DatagramAddress, listener: DatagramListener) => Promise<DatagramSocket>;
