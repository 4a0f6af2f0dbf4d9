/** What was never reported. */
export interface Unexported {
  connections: number;
  packets: number;
  octets: number;
}

export function newUnexported(): Unexported {
  return { connections: 0, packets: 0, octets: 0 };
}

export function sumUnexported(list: readonly Unexported[]): Unexported {
  const sum = newUnexported();
  for (const { connections, packets, octets } of list) {
    sum.connections += connections;
    sum.packets += packets;
    sum.octets += octets;
  }
  return sum;
}
