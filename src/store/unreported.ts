/** What was never reported. */
export interface Unreported {
  connections: number;
  packets: number;
  octets: number;
}

export function newUnreported(): Unreported {
  return { connections: 0, packets: 0, octets: 0 };
}

export function sumUnreported(list: readonly Unreported[]): Unreported {
  const sum = newUnreported();
  for (const { connections, packets, octets } of list) {
    sum.connections += connections;
    sum.packets += packets;
    sum.octets += octets;
  }
  return sum;
}
